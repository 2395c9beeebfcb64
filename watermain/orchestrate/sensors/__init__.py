"""Observers that request work when the world outside has moved."""
