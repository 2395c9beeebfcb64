"""Placeholder."""


def replay() -> None:
    """Placeholder."""
