"""The command that adopts tables as they are."""
