"""A simulated mail world behind the same ports as the real one: virtual time, seeded, single-threaded.

For the exhaustive tests, and for drills where no lab can run. It does what was
measured on a real Postfix and spamd; if the two differ, the real lab is right.
"""
