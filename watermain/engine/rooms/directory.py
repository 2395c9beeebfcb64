"""The directory of every dataset that the rooms declare, marts among them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

from watermain.dbt.dbt import prepare_manifest
from watermain.declare.dataset import Dataset
from watermain.declare.errors import (
    BrokenRoomError,
    InvalidDeclarationError,
    TransientError,
    UnknownDatasetError,
    quoted,
)
from watermain.declare.feature import FeatureSet
from watermain.declare.name import DatasetName
from watermain.engine.rooms.broken_room import broken, stand_in
from watermain.engine.rooms.declared import datasets_on, on_shelf, shelf_file, teams
from watermain.engine.rooms.since import since
from watermain.settings import load_settings, project

SHELVES = ("raw", "curated", "features")


def declared(team: str) -> tuple[Dataset, ...]:
    """Every dataset that a room declares, its marts among them."""
    return _declared(team, load_settings().data_since)


@cache
def _declared(team: str, _: date | None) -> tuple[Dataset, ...]:
    """A room's datasets as they are while the data begin on a day: `watermain up` may set it."""
    found = [d for shelf in SHELVES for d in datasets_on(team, shelf)]
    _refuse_namesakes(found)
    _refuse_marts(team, found)
    if project().dbt_folder.exists():
        from watermain.engine.rooms.from_dbt import marts  # needless to whom asks for one shelf

        found += since(marts(team, manifest()))
    return tuple({d.name: d for d in found}.values())


def _refuse_namesakes(found: list[Dataset]) -> None:
    """Refuse two declarations of one name, of which only one could be built."""
    known: dict[DatasetName, Dataset] = {}
    for dataset in found:
        other = known.setdefault(dataset.name, dataset)
        if other is not dataset:
            raise InvalidDeclarationError.nothing_happened(
                f"{dataset.name} is declared twice, at {other.declared} too",
                declared=dataset.declared,
                next="give one of them another name",
            )


def _refuse_marts(team: str, found: list[Dataset]) -> None:
    """Refuse Python that bears the name of a mart: what a mart is, its SQL says, to dbt too."""
    for dataset in found:
        if dataset.name.stage == "marts":
            table = dataset.name.table
            raise InvalidDeclarationError.nothing_happened(
                f"{dataset.name} is a mart, which is a dbt model rather than a Python function",
                declared=dataset.declared,
                next=f"write {shelf_file(team, 'marts')}{table}.sql, or name the dataset"
                f" {team}.curated.{table}",
            )


@cache
def manifest() -> Path:
    """The manifest of the present dbt project, compiled when something in it changed."""
    return prepare_manifest()


@cache
def trouble(team: str) -> BrokenRoomError | None:
    """Why a room does not load; None for one that does.

    Raises: TransientError, for what is no fault of the room.
    """
    try:
        declared(team)
    except TransientError:
        raise
    except (Exception, SystemExit) as error:  # a room's own code, whatever it raises
        return broken(team, error, shelf_file(team, "definitions"))
    return None


def troubled_rooms() -> dict[str, BrokenRoomError]:
    """Every room that does not load, with the reason in four lines."""
    return {team: why for team in teams() if (why := trouble(team)) is not None}


def known_of(team: str) -> tuple[Dataset, ...]:
    """Every dataset of a room; of one that does not load, as it was last declared.

    Guarantees: what is known of a room that does not load can be read, but not built; that it does
    not load is told once.
    """
    why = trouble(team)
    return declared(team) if why is None else _stood_in(team, load_settings().data_since)


@cache
def _stood_in(team: str, _: date | None) -> tuple[Dataset, ...]:
    why = trouble(team)
    return tuple(since(stand_in(why, team))) if why is not None else ()


@cache
def feature_sets(team: str) -> tuple[FeatureSet, ...]:
    """Every feature set that a room names; none of a room that does not load."""
    why = trouble(team)
    if why is None:
        return tuple(on_shelf(team, "features", FeatureSet))
    stand_in(why, team)
    return ()


def everything() -> dict[DatasetName, Dataset]:
    """Every dataset of every room; of a room that does not load, what is known of it."""
    return {d.name: d for team in teams() for d in known_of(team)}


def everything_sound() -> dict[DatasetName, Dataset]:
    """Every dataset of every room, for what must not go on without one of them.

    Raises: BrokenRoomError, for the first room that does not load.
    """
    for why in troubled_rooms().values():
        raise why
    return everything()


def find(name: DatasetName) -> Dataset:
    """The declaration of a dataset, whichever room declares it.

    Guarantees: what stands on the shelf of its name is found without another shelf and without dbt;
    of a room that does not load, what is known of it is found.
    Raises: UnknownDatasetError, listing the nearest names; BrokenRoomError, when the room of that
    name does not load, and never did.
    """
    for dataset in _declared_by(name):
        if dataset.name == name:
            return dataset
    why = trouble(name.team) if name.team in teams() else None
    if why is not None and not known_of(name.team):
        raise why
    names = [str(n) for n in everything()]
    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.4) or names
    raise UnknownDatasetError.nothing_happened(
        f"no room declares the dataset `{name}`",
        declared=f"{_home(name)} does not",
        next=f"use one of {quoted(near)}",
    )


def _declared_by(name: DatasetName) -> Iterator[Dataset]:
    """What the room of a name declares, beginning with the shelf of that name."""
    if name.team not in teams():
        return
    if name.stage in SHELVES:
        try:
            own = datasets_on(name.team, name.stage)
        except (Exception, SystemExit):  # a room's own code, whatever it raises
            own = []  # `known_of` tells of it
        yield from reversed(own)
    yield from known_of(name.team)


def _home(name: DatasetName) -> str:
    """Where a dataset of that name would be declared."""
    where = shelf_file(name.team, name.stage)
    return f"{where}{name.table}.sql" if name.stage == "marts" else where
