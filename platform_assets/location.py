"""The one place where a team's assets, resources, sensors meet."""

from __future__ import annotations

import difflib
import gc
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import dagster as dg

from launch.executor import forked_executor
from launch.lake_resource import settled
from platform_assets.build.asset import asset_for
from platform_assets.build.declared import on_shelf, teams
from platform_assets.build.feature_check import feature_checks
from platform_assets.build.mart import marts
from platform_assets.build.order import refuse_circles
from platform_assets.build.quarantine_asset import quarantine_assets
from platform_assets.build.sweep_asset import sweep_assets
from platform_assets.build.verification_asset import is_verification, verification_asset
from platform_assets.declare.dataset import Dataset
from platform_assets.declare.errors import InvalidDeclarationError, UnknownDatasetError, quoted
from platform_assets.declare.feature import FeatureSet
from platform_assets.declare.name import DatasetName
from resources.dbt import PROJECT, prepare_manifest
from resources.lake import Lake
from sensors.automation import automation_sensor
from sensors.features import feature_schedule, feature_sensor
from sensors.replays import replay_sensors
from sensors.schedules import daily_schedule, sweep_schedule, verification_schedule
from sensors.sources import source_sensors
from sensors.streams import stream_sensor

SHELVES = ("raw", "curated", "features")


@cache
def declared(team: str) -> tuple[Dataset, ...]:
    """Every dataset that a room declares, its marts among them."""
    found = [d for shelf in SHELVES for d in on_shelf(team, shelf, Dataset)]
    if PROJECT.exists():
        found += marts(team, manifest())
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

    Raises: UnknownDatasetError, listing the nearest names.
    """
    if name.team in teams():
        for dataset in declared(name.team):
            if dataset.name == name:
                return dataset
    names = [str(n) for n in everything()]
    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.4) or names
    raise UnknownDatasetError(
        f"no room declares the dataset `{name}`",
        declared=f"{_home(name)} does not",
        data="nothing was read or written",
        next=f"use one of {quoted(near)}",
    )


def _home(name: DatasetName) -> str:
    """Where a dataset of that name would be declared."""
    if name.stage == "marts":
        return f"dbt_project/models/marts/{name.team}/{name.table}.sql"
    return f"platform_assets/{name.team}/{name.stage}.py"


def lazy_location(team: str) -> Callable[..., dg.Definitions]:
    """A team's room as Dagster loads it: importing the room's file assembles nothing yet."""
    return dg.definitions(lambda: code_location(team))


def code_location(team: str) -> dg.Definitions:
    """Assemble a team's room into a Dagster code location.

    Raises: UnknownDatasetError, when an input is declared nowhere; InvalidDeclarationError, when
    datasets wait for each other.
    """
    collect_rarely()
    datasets = declared(team)
    for dataset in datasets:
        if dataset.broken:
            dg.get_dagster_logger().warning("%s", dataset.broken)
        for upstream in dataset.upstream:
            _known(dataset, upstream)
    refuse_circles({d.name: d for d in _surroundings(datasets)})
    assets = [
        *(_asset(d) for d in datasets),
        *quarantine_assets(datasets),
        *sweep_assets(datasets),
    ]
    return dg.Definitions(
        assets=assets,
        asset_checks=feature_checks(datasets),
        resources={"lake": settled(Lake.from_settings())},
        executor=forked_executor,
        sensors=[
            automation_sensor(team),
            *source_sensors(datasets),
            *replay_sensors(datasets),
            *stream_sensor(team, datasets),
            *feature_sensor(team, datasets),
        ],
        schedules=[
            *daily_schedule(team, datasets),
            *feature_schedule(team, datasets),
            *verification_schedule(team, datasets),
            *sweep_schedule(team, datasets),
        ],
    )


def _asset(dataset: Dataset) -> dg.AssetsDefinition | dg.AssetSpec:
    if is_verification(dataset):
        return verification_asset(dataset, find, everything)
    return asset_for(dataset, find)


def collect_rarely() -> None:
    """Look for garbage less often: what loads makes objects by the million, all of them to stay."""
    gc.set_threshold(100_000, 50, 50)


def _surroundings(datasets: tuple[Dataset, ...]) -> Iterator[Dataset]:
    """A room's datasets; where one refers to others, with those of every room that loads."""
    yield from datasets
    if any(d.references for d in datasets):
        for team in teams():
            with suppress(Exception):  # another team's code, whatever it raises
                yield from declared(team)


def _known(dataset: Dataset, upstream: DatasetName) -> None:
    """Look an input up; another room that fails to import must not darken this one."""
    if upstream.team != dataset.name.team and upstream.team in teams():
        try:
            declared(upstream.team)
        except Exception as error:  # another team's code, whatever it raises
            dg.get_dagster_logger().warning("room %s does not load: %s", upstream.team, error)
            return
    try:
        other = find(upstream)
    except UnknownDatasetError as error:
        raise UnknownDatasetError(
            f"{dataset.name}: {error.what}",
            declared=dataset.declared,
            data="nothing was read or written",
            next=error.next,
        ) from error
    if other.broken:
        return
    if dataset.looks_back(upstream) and None in (dataset.cadence, other.cadence):
        raise InvalidDeclarationError(
            f"{dataset.name} looks back {dataset.looks_back(upstream)} at {upstream},"
            " but only partitions can be looked back at",
            declared=dataset.declared,
            data="nothing was read or written",
            next="leave `before` out, for such a body is given the whole table",
        )
