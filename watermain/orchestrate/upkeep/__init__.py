"""What the platform forgets of itself, told as assets."""
