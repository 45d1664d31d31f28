"""The decisions, pure: standard-library values in, values out. No clock, no I/O, no logging (a test enforces it)."""
