"""Placeholder."""

import typer

app = typer.Typer()


@app.command()
def room(name: str) -> None:
    """Placeholder."""


@app.command()
def dataset(name: str) -> None:
    """Placeholder."""
