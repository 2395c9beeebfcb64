"""The directory of every dataset that the rooms declare, marts among them."""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path

from watermain.dbt.dbt import prepare_manifest
from watermain.declare.dataset import Dataset
from watermain.declare.errors import UnknownDatasetError, quoted
from watermain.declare.feature import FeatureSet
from watermain.declare.name import DatasetName
from watermain.engine.rooms.declared import datasets_on, on_shelf, shelf_file, teams
from watermain.engine.rooms.since import since
from watermain.settings import project

SHELVES = ("raw", "curated", "features")


@cache
def declared(team: str) -> tuple[Dataset, ...]:
    """Every dataset that a room declares, its marts among them."""
    found = [d for shelf in SHELVES for d in datasets_on(team, shelf)]
    if project().dbt_folder.exists():
        from watermain.engine.mart.mart import marts  # needless to whom asks for one shelf

        found += since(marts(team, manifest()))
    return tuple({d.name: d for d in found}.values())


@cache
def manifest() -> Path:
    """The manifest of the present dbt project, compiled when something in it changed."""
    return prepare_manifest()


@cache
def feature_sets(team: str) -> tuple[FeatureSet, ...]:
    """Every feature set that a room names."""
    return tuple(on_shelf(team, "features", FeatureSet))


def everything() -> dict[DatasetName, Dataset]:
    """Every dataset of every room."""
    return {d.name: d for team in teams() for d in declared(team)}


def find(name: DatasetName) -> Dataset:
    """The declaration of a dataset, whichever room declares it.

    Guarantees: what stands on the shelf of its name is found without another shelf and without dbt.
    Raises: UnknownDatasetError, listing the nearest names.
    """
    if name.team in teams():
        own = datasets_on(name.team, name.stage) if name.stage in SHELVES else []
        for dataset in [d for d in reversed(own) if d.name == name] or declared(name.team):
            if dataset.name == name:
                return dataset
    names = [str(n) for n in everything()]
    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.4) or names
    raise UnknownDatasetError.nothing_happened(
        f"no room declares the dataset `{name}`",
        declared=f"{_home(name)} does not",
        next=f"use one of {quoted(near)}",
    )


def _home(name: DatasetName) -> str:
    """Where a dataset of that name would be declared."""
    where = shelf_file(name.team, name.stage)
    return f"{where}{name.table}.sql" if name.stage == "marts" else where
