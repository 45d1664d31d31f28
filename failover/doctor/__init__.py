"""Could we fail over right now? Reads and permission checks; one module per subject."""
