"""Fixtures of the marts."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.build.mart import marts
from platform_assets.declare import Dataset
from resources.dbt import prepare_manifest
from resources.lake import Lake
from resources.settings import Settings
from tests.build.house import House


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's manifest, compiled once."""
    return prepare_manifest(Settings(data_dir=tmp_path_factory.mktemp("data")))


@pytest.fixture
def declared(manifest: Path) -> dict[str, Dataset]:
    """The marts by their table name."""
    return {d.name.table: d for d in marts("operations", manifest)}


@pytest.fixture
def house(lake: Lake, declared: dict[str, Dataset]) -> House:
    """An empty lake that knows the curated datasets with their marts."""
    return House(lake, declared)
