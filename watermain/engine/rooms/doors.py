"""The doors of rooms: files that make a folder a room."""

from __future__ import annotations

from pathlib import Path

from watermain.settings import project

PRODUCT = Path(__file__).resolve().parents[2]


def teams() -> list[str]:
    """Every room that has a door."""
    return sorted([*project().teams(), *(p.parent.name for p in PRODUCT.glob("*/definitions.py"))])


def package(team: str) -> str:
    """The package of a room: the platform's own ships with it."""
    is_own = (PRODUCT / team / "definitions.py").exists()
    return f"{'watermain' if is_own else project().rooms}.{team}"


def shelf_file(team: str, shelf: str) -> str:
    """Where a room declares a kind of thing, as people call the file."""
    if shelf == "marts":
        return f"{project().dbt}/models/marts/{team}/"
    return f"{package(team).replace('.', '/')}/{shelf}.py"
