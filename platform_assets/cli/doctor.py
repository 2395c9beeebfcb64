"""Placeholder."""


def doctor() -> None:
    """Placeholder."""
