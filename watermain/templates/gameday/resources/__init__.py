"""What the game day runs on."""
