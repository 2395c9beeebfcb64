"""Placeholder."""


def explain() -> None:
    """Placeholder."""
