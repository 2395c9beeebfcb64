"""Placeholder."""


def status() -> None:
    """Placeholder."""
