"""The rooms of the game day."""
