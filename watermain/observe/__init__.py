"""Whom to tell of a broken promise, by which way."""
