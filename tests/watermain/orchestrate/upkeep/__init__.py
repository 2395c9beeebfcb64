"""What the platform forgets of itself."""
