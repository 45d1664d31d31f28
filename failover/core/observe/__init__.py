"""Signals, conditions over them, and the incident that they show."""
