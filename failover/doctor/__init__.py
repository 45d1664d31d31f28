"""Could we fail over right now? Reads and permission checks; a module each for what is looked at."""
