"""Whether a playbook may start, or a change may go back, and why not."""
