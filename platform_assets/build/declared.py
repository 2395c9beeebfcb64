"""What the rooms declare, found by name."""

from __future__ import annotations

import importlib
from pathlib import Path

from platform_assets.declare.dataset import Dataset
from platform_assets.declare.name import DatasetName

ROOMS = Path(__file__).resolve().parents[1]


def feature_tables() -> dict[DatasetName, Dataset]:
    """Every feature table of every room, all its versions.

    Guarantees: no other shelf of a room is loaded by this.
    """
    found: dict[DatasetName, Dataset] = {}
    for door in sorted(ROOMS.glob("*/definitions.py")):
        if not (door.parent / "features.py").exists() and not (door.parent / "features").is_dir():
            continue
        module = importlib.import_module(f"platform_assets.{door.parent.name}.features")
        tables = [d for d in vars(module).values() if isinstance(d, Dataset) and d.feature]
        found |= {d.name: d for d in tables}
    return found
