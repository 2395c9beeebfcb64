"""What a team brings along beside its datasets stands on its own."""
