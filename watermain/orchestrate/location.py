"""The one place where a team's assets, resources, sensors meet."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, UnknownDatasetError
from watermain.declare.name import DatasetName
from watermain.engine.rooms.connections import connections
from watermain.engine.rooms.declared import package, teams
from watermain.engine.rooms.directory import (
    declared,
    everything,
    feature_sets,
    find,
    known_of,
    manifest,
    trouble,
)
from watermain.engine.table.order import refuse_circles
from watermain.orchestrate.asset import asset_for
from watermain.orchestrate.brought.plain import plain_definitions
from watermain.orchestrate.brought.returned import NONE_CUT, Cut
from watermain.orchestrate.brought.together import partitioned, together
from watermain.orchestrate.feature_check import feature_checks
from watermain.orchestrate.launch.executor import forked_executor
from watermain.orchestrate.quarantine_asset import quarantine_assets
from watermain.orchestrate.resources import resources
from watermain.orchestrate.sensors.features import feature_check_sensor, feature_sensor
from watermain.orchestrate.sensors.planner import planner_sensor
from watermain.orchestrate.sensors.replays import replay_sensors
from watermain.orchestrate.sensors.schedules import (
    daily_schedule,
    declared_schedules,
    upkeep_schedule,
    verification_schedule,
)
from watermain.orchestrate.sensors.sources import source_sensors
from watermain.orchestrate.sensors.streams import stream_sensor
from watermain.orchestrate.sweep_asset import sweep_assets
from watermain.orchestrate.upkeep.history_asset import history_assets
from watermain.orchestrate.upkeep.tidying_asset import tidying_assets
from watermain.orchestrate.verification_asset import is_verification, verification_asset
from watermain.settings import load_settings, project
from watermain.source.connected import prove_connections
from watermain.source.outside import Connections

__all__ = [
    "code_location",
    "collect_rarely",
    "declared",
    "everything",
    "feature_sets",
    "find",
    "lazy_location",
    "manifest",
    "teams",
]


def lazy_location(team: str, *modules: str) -> Callable[..., dg.Definitions]:
    """A team's room as Dagster loads it: assembled not when its file is imported, and once only.

    Shapes: `modules` are modules or packages of plain Dagster definitions (assets, checks, jobs,
    sensors, schedules, components) that go with the room's datasets; a name that begins with a dot
    is seen from the room.
    Guarantees: a process forked from one that has loaded it finds it loaded.
    """
    held: list[dg.Definitions] = []

    def load() -> dg.Definitions:
        if not held:
            plain = {name: plain_definitions(name, package(team)) for name in modules}
            room = code_location(team, partitioned(plain))
            held.append(together(room, plain, declared(team), find))
        return held[0]

    return dg.definitions(load)


def code_location(team: str, cut: Cut = NONE_CUT) -> dg.Definitions:
    """Assemble a team's room into a Dagster code location, beside plain assets with partitions.

    Raises: UnknownDatasetError, when an input is declared nowhere; UnknownConnectionError, when
    a connection is; or InvalidDeclarationError, when datasets wait for each other.
    """
    collect_rarely()
    datasets, known = declared(team), connections()
    for dataset in datasets:
        prove_connections(dataset, known)
        if dataset.broken:
            dg.get_dagster_logger().warning("%s", dataset.broken)
        for upstream in dataset.upstream:
            _known(dataset, upstream)
    refuse_circles({d.name: d for d in _surroundings(datasets)})
    assets = [
        *(_asset(d, known, cut) for d in datasets),
        *_exposures(team),
        *quarantine_assets(datasets),
        *sweep_assets(datasets),
        *history_assets(datasets),
        *tidying_assets(datasets, everything),
    ]
    return dg.Definitions(
        assets=assets,
        asset_checks=feature_checks(datasets),
        resources=resources(load_settings(), known),
        executor=forked_executor,
        sensors=[
            *planner_sensor(team, datasets),
            *source_sensors(datasets, known),
            *replay_sensors(datasets),
            *stream_sensor(team, datasets),
            *feature_check_sensor(team, datasets),
            *feature_sensor(team, datasets),
        ],
        schedules=[
            *declared_schedules(datasets, find),
            *daily_schedule(team, datasets),
            *verification_schedule(team, datasets),
            *upkeep_schedule(team, datasets),
        ],
    )


def _exposures(team: str) -> list[dg.AssetSpec]:
    """What stands outside and reads the team's datasets, as its dbt project tells."""
    if not project().dbt_folder.exists():
        return []
    from watermain.orchestrate.dbt_asset import exposure_assets  # needless without a dbt project

    return exposure_assets(team, manifest())


def _asset(dataset: Dataset, known: Connections, cut: Cut) -> dg.AssetsDefinition | dg.AssetSpec:
    if is_verification(dataset):
        return verification_asset(dataset, find, everything)
    return asset_for(dataset, find, known, cut)


def collect_rarely() -> None:
    """Look for garbage less often: what loads makes objects by the million, which all stay."""
    gc.set_threshold(100_000, 50, 50)


def _surroundings(datasets: tuple[Dataset, ...]) -> Iterator[Dataset]:
    """A room's datasets; where one refers to others, also those of every other room."""
    yield from datasets
    if any(d.references for d in datasets):
        for team in teams():
            yield from known_of(team)


def _known(dataset: Dataset, upstream: DatasetName) -> None:
    """Look an input up; another room that fails to import must not darken this one."""
    is_foreign = upstream.team != dataset.name.team and upstream.team in teams()
    if is_foreign and trouble(upstream.team) is not None and not known_of(upstream.team):
        return  # nothing is known of that room, which is told
    try:
        other = find(upstream)
    except UnknownDatasetError as error:
        raise UnknownDatasetError.nothing_happened(
            f"{dataset.name}: {error.what}",
            declared=dataset.declared,
            next=error.next,
        ) from error
    if other.broken:
        return
    refuse_vain_refresh(dataset, other)
    if dataset.looks_back(upstream) and None in (dataset.cadence, other.cadence):
        raise InvalidDeclarationError.nothing_happened(
            f"{dataset.name} looks back {dataset.looks_back(upstream)} at {upstream},"
            " but only partitions can be looked back at",
            declared=dataset.declared,
            next="leave `before` out, for such a body is given the whole table",
        )


def refuse_vain_refresh(dataset: Dataset, other: Dataset) -> None:
    """Refuse to say which partitions the news of an input concern where nobody asks.

    Raises: InvalidDeclarationError.
    """
    word = dataset.refresh(other.name)
    if word != "all" and (dataset.cadence is None or other.cadence is not None):
        raise InvalidDeclarationError.nothing_happened(
            f"{dataset.name} reads {other.name} with refresh {word!r}, which is for partitions that"
            " read a table without any",
            declared=dataset.declared,
            next="leave `refresh` out, for versions of partitions tell what news concern",
        )
