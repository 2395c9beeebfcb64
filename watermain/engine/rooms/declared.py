"""What the rooms declare, found by name."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TypeVar

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName

PRODUCT = Path(__file__).resolve().parents[2]
ROOMS = PRODUCT.parent / "platform_assets"
T = TypeVar("T")


def teams() -> list[str]:
    """Every room that has a door."""
    doors = [*ROOMS.glob("*/definitions.py"), *PRODUCT.glob("*/definitions.py")]
    return sorted(p.parent.name for p in doors)


def package(team: str) -> str:
    """The package of a room: the platform's own ships with it."""
    is_own = (PRODUCT / team / "definitions.py").exists()
    return f"{'watermain' if is_own else 'platform_assets'}.{team}"


def on_shelf(team: str, shelf: str, kind: type[T]) -> list[T]:
    """What a room declares of a kind on one shelf; nothing where it has no such shelf."""
    name = f"{package(team)}.{shelf}"
    if importlib.util.find_spec(name) is None:
        return []
    return [d for d in vars(importlib.import_module(name)).values() if isinstance(d, kind)]


def feature_tables() -> dict[DatasetName, Dataset]:
    """Every feature table of every room, all its versions.

    Guarantees: no other shelf of a room is loaded by this.
    """
    found = [d for team in teams() for d in on_shelf(team, "features", Dataset)]
    return {d.name: d for d in found if d.feature}
