"""What tests of growing marts share: their project, compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lakes import shared_folder
from tests.watermain.engine.mart.state.growing import SOURCES, TEAM, Growing, files, write
from watermain.dbt.dbt import prepare_manifest
from watermain.declare import Dataset
from watermain.engine.mart.mart import marts
from watermain.lake.lake import Lake
from watermain.settings import Settings


@pytest.fixture(scope="session")
def grown_manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of the project of models that grow."""
    folder = shared_folder(tmp_path_factory) / "growing"
    project = write(folder / "project", files())
    return prepare_manifest(Settings(data_dir=folder / "data"), project)


@pytest.fixture(scope="session")
def grown(grown_manifest: Path) -> dict[str, Dataset]:
    """Its marts, by table."""
    contracts = {d.name: d.contract for d in SOURCES.values()}
    return {d.name.table: d for d in marts(TEAM, grown_manifest, contracts.get)}


@pytest.fixture
def growing(lake: Lake, grown: dict[str, Dataset]) -> Growing:
    """An empty lake that knows the project of models that grow."""
    return Growing(lake, marts=grown)
