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
    """Where a room declares a kind of thing, as people call the file or the folder."""
    if shelf == "marts":
        return f"{project().dbt}/models/marts/{team}/"
    place = f"{package(team).replace('.', '/')}/{shelf}"
    return f"{place}/" if _is_package(team, shelf) else f"{place}.py"


def _is_package(team: str, shelf: str) -> bool:
    top, *rest = package(team).split(".")
    home = PRODUCT if top == PRODUCT.name else project().root / top
    return (home.joinpath(*rest) / shelf / "__init__.py").exists()
