"""Playbooks, plans, the journal of a run, and its next step."""
