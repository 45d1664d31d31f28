"""YAML text → core values; every message says file:line:column, what was found, and what to write instead."""
