"""The unattended controller: one cycle after another observes, decides, acts, and tells people."""
