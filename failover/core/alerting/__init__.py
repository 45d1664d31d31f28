"""Alerts: what people are told, how loud, and how often."""
