"""What the rooms declare, found by name."""
