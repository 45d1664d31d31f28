"""What is seen: signals, conditions over them, and which incident they show."""
