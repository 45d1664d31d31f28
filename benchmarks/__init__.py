"""What `failover` costs beside what a user would pick instead: whole processes, in turn, in one run.

Absolute times differ from machine to machine, so each figure is a ratio of medians. Peers (Ansible, pyinfra) live in a
virtual environment of their own. Run by `script/bench`.
"""
