"""The declaration of a dataset that a test gives rows for."""

from __future__ import annotations

from collections.abc import Iterable

from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidProjectError
from watermain.declare.name import DatasetName
from watermain.engine.rooms.declared import on_shelf, teams

SHELVES = ("raw", "curated", "features")


def declaration(name: DatasetName, known: Iterable[Dataset]) -> Dataset | None:
    """What is known of a name: what the test names first and then what the rooms declare.

    Guarantees: no other shelf is loaded than the one of its name.
    """
    for dataset in known:
        if dataset.name == name:
            return dataset
    if name.stage not in SHELVES or not _has_room(name.team):
        return None
    return next((d for d in on_shelf(name.team, name.stage, Dataset) if d.name == name), None)


def _has_room(team: str) -> bool:
    """Whether the project has a room of a team; a test may run outside of any project."""
    try:
        return team in teams()
    except InvalidProjectError:
        return False
