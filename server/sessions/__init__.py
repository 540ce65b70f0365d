"""What peers ask for, and what they are told."""
