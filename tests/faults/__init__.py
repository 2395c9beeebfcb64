"""Proof that nothing is lost when processes die, stall or run out of room."""
