"""Placeholder."""


def materialize() -> None:
    """Placeholder."""
