"""The lake as people are shown it."""
