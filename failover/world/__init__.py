"""A simulated mail world behind the same ports as the real one: virtual time, seeded, single-threaded.

It serves the exhaustive tests, and the drill where no lab can run. Its facts
are those measured on a real Postfix and spamd; where the two differ, the real
lab is right.
"""
