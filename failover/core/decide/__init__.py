"""May a playbook start, or a change go back? If not, why."""
