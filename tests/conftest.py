"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.process.postgres import EmbeddedPostgres
from watermain.testing import plugin

NUMBERS = count()
# No test fails because the machine was busy.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
SLOW = {"postgres", "watermain_postgres", "broker", "mqtt_broker", "kind", "manifest"}


def pytest_configure(config: pytest.Config) -> None:
    """Load the plugin of this tree, where the environment did not install it."""
    if not config.pluginmanager.has_plugin("watermain"):
        config.pluginmanager.register(plugin, "watermain")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count a test as slow that asks for a server, or for dbt."""
    for item in items:
        if SLOW.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One real PostgreSQL for the session, able to be a change source."""
    folder = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres(
        folder / "server", settings={"wal_level": "logical", "max_connections": "200"}
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def watermain_postgres(postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    """The plugin's lakes on the server that the session has."""
    return postgres


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: EmbeddedPostgres) -> Path:
    """A data folder of its own, with settings that point at a fresh catalog database."""
    database = f"lake_{next(NUMBERS)}"
    postgres.ensure_database(database)
    monkeypatch.setenv("WATERMAIN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WATERMAIN_POSTGRES", postgres.dsn(database))
    return tmp_path


@pytest.fixture
def lake(home: Path) -> Lake:
    """An empty lake with its ledger."""
    lake = Lake.from_settings()
    lake.initialize()
    with lake.get_connection() as connection:
        ledger.create(connection)
    return lake
