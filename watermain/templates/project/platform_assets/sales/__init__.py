"""The room of team sales."""
