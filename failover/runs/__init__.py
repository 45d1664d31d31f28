"""One run: planned of live reads, carried out or taken back step by step, recorded before each act."""
