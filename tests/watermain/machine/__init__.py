"""What the machine beneath the platform has."""
