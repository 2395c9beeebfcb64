"""The one place where a team's assets, resources, sensors meet."""

from __future__ import annotations

import difflib
import gc
from functools import cache

import dagster as dg

from launch.executor import forked_executor
from platform_assets.build.asset import asset_for
from platform_assets.build.declared import on_shelf, teams
from platform_assets.build.feature_check import feature_checks
from platform_assets.build.mart import marts
from platform_assets.build.quarantine_asset import quarantine_assets
from platform_assets.declare.dataset import Dataset
from platform_assets.declare.errors import InvalidDeclarationError, UnknownDatasetError, quoted
from platform_assets.declare.feature import FeatureSet
from platform_assets.declare.name import DatasetName
from resources.dbt import manifest_path
from resources.lake import Lake
from sensors.automation import automation_sensor
from sensors.features import feature_schedule, feature_sensor
from sensors.replays import replay_sensors
from sensors.schedules import daily_schedule
from sensors.sources import source_sensors
from sensors.streams import stream_sensor

SHELVES = ("raw", "curated", "features")


@cache
def declared(team: str) -> tuple[Dataset, ...]:
    """Every dataset that a room declares, its marts among them."""
    found = [d for shelf in SHELVES for d in on_shelf(team, shelf, Dataset)]
    manifest = manifest_path()
    if manifest.exists():
        found += marts(team, manifest)
    return tuple({d.name: d for d in found}.values())


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
        declared=f"platform_assets/{name.team}/{name.stage}.py does not",
        data="nothing was read or written",
        next=f"use one of {quoted(near)}",
    )


def code_location(team: str) -> dg.Definitions:
    """Assemble a team's room into a Dagster code location.

    Raises: UnknownDatasetError, when an input is declared nowhere.
    """
    collect_rarely()
    datasets = declared(team)
    for dataset in datasets:
        for upstream in dataset.inputs.values():
            _known(dataset, upstream)
    assets = [*(asset_for(d, find) for d in datasets), *quarantine_assets(datasets)]
    return dg.Definitions(
        assets=assets,
        asset_checks=feature_checks(datasets),
        resources={"lake": Lake.from_settings()},
        executor=forked_executor,
        sensors=[
            automation_sensor(team),
            *source_sensors(datasets),
            *replay_sensors(datasets),
            *stream_sensor(team, datasets),
            *feature_sensor(team, datasets),
        ],
        schedules=[*daily_schedule(team, datasets), *feature_schedule(team, datasets)],
    )


def collect_rarely() -> None:
    """Look for garbage less often: what loads makes objects by the million, all of them to stay."""
    gc.set_threshold(100_000, 50, 50)


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
    if dataset.looks_back(upstream) and None in (dataset.cadence, other.cadence):
        raise InvalidDeclarationError(
            f"{dataset.name} looks back {dataset.looks_back(upstream)} at {upstream},"
            " but only partitions can be looked back at",
            declared=dataset.declared,
            data="nothing was read or written",
            next="leave `before` out, for such a body is given the whole table",
        )
