"""What people are told, how loud, and how often."""
