"""Playbooks, plans, and the journal of a run: where it stands, and what comes next."""
