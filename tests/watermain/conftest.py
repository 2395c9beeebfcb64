"""Fixtures that many tests of the product share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lakes import LakeTemplate, shared_folder
from tests.watermain.engine.feature_lake import FeatureLake, minute
from tests.watermain.engine.house import House
from tests.watermain.engine.training_case import DELAY
from tests.watermain.observe.sink import Sink, sink
from watermain.dbt.dbt import prepare_manifest
from watermain.declare import Dataset
from watermain.engine.mart.mart import marts
from watermain.lake.lake import Lake
from watermain.settings import Settings


@pytest.fixture
def received() -> Iterator[Sink]:
    """A service that takes what people are told."""
    with sink() as made:
        yield made


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's manifest, compiled once for all workers."""
    return prepare_manifest(Settings(data_dir=shared_folder(tmp_path_factory)))


@pytest.fixture(scope="module")
def shared_lake(
    tmp_path_factory: pytest.TempPathFactory, empty_lake: LakeTemplate
) -> Iterator[Lake]:
    """A lake for all tests of a module, each of which uses datasets of its own."""
    folder = tmp_path_factory.mktemp("shared")
    with empty_lake.world(folder, folder.name) as lake:
        yield lake


@pytest.fixture
def declared(manifest: Path) -> dict[str, Dataset]:
    """The marts by their table name."""
    return {d.name.table: d for d in marts("operations", manifest)}


@pytest.fixture
def house(lake: Lake, declared: dict[str, Dataset]) -> House:
    """An empty lake that knows the curated datasets with their marts."""
    return House(lake, declared)


@pytest.fixture
def features(lake: Lake) -> FeatureLake:
    """A lake with one feature table of three rows."""
    made = FeatureLake(lake)
    made.publish(DELAY, [("EWR", minute(0), 1), ("EWR", minute(10), 2), ("JFK", minute(5), 3)])
    return made


@pytest.fixture(scope="module")
def small(shared_lake: Lake) -> FeatureLake:
    """One lake for all that is refused."""
    made = FeatureLake(shared_lake)
    made.publish(DELAY, [("EWR", minute(0), 1)])
    return made
