"""Fixtures that many tests share."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.lakes import QUIET, UNSYNCED, LakeTemplate, empty_template, recall, use
from watermain.lake.lake import Lake
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import project
from watermain.testing import plugin

NUMBERS = count()
# No test fails because the machine was busy.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
SLOW = {"postgres", "watermain_postgres", "broker", "mqtt_broker", "kind", "manifest"}
# The files that take longest, by seconds: begun first, none is left to one worker at the end.
LONG = (
    *("test_ui", "test_moved_calendar", "test_parity_kills", "test_apache_kafka"),
    *("test_up_down", "test_broken_start", "test_new", "test_wheel", "test_connections"),
    *("test_contract_kills", "test_dbt", "test_kills", "test_aside_kills", "test_telling"),
    *("test_store", "test_drift", "test_web_capture", "test_server", "test_servers"),
    *("test_room_list", "test_init", "test_observe", "test_mart_check", "test_mart_edit"),
    *("test_house_rules", "test_command", "test_runs", "test_change_capture", "test_messages"),
    *("test_sftp", "test_training", "test_follower", "test_executor", "test_broken_mart"),
    *("test_large_transaction", "test_stream", "test_operations_year", "test_explain"),
)


def pytest_configure(config: pytest.Config) -> None:
    """Load the plugin of this tree, where the environment did not install it.

    Interrupts are let through, which a shell's background job ignores with all that it starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not config.pluginmanager.has_plugin("watermain"):
        config.pluginmanager.register(plugin, "watermain")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long; count as slow what asks for a server, or for dbt."""
    turn = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: turn.get(item.path.stem, len(turn)))
    for item in items:
        if SLOW.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """Never look again for garbage among what was imported: seconds each time, for nothing."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _own_project() -> None:
    """Know this repository as the project before a test speaks of another in its place."""
    project()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One real PostgreSQL for the session, able to be a change source."""
    folder = tmp_path_factory.mktemp("postgres")
    words = {"wal_level": "logical", "max_connections": "200", **UNSYNCED, **QUIET}
    server = EmbeddedPostgres(folder / "server", settings=words)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def empty_lake(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> LakeTemplate:
    """The empty lake with its ledger, of which each test has a copy."""
    return empty_template(postgres, tmp_path_factory.mktemp("empty_lake"))


@pytest.fixture(scope="session")
def watermain_postgres(postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    """The plugin's lakes on the server that the session has."""
    return postgres


@pytest.fixture
def home(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    postgres: EmbeddedPostgres,
) -> Path:
    """A data folder of its own, with settings that point at a catalog database of its own.

    The database is empty, unless the test asks for a lake too.
    """
    database = f"lake_{next(NUMBERS)}"
    if "lake" in request.fixturenames:
        empty: LakeTemplate = request.getfixturevalue("empty_lake")
        empty.copy(database, tmp_path)
    else:
        postgres.ensure_database(database)
    use(monkeypatch, tmp_path, postgres.dsn(database))
    return tmp_path


@pytest.fixture
def lake(home: Path) -> Lake:
    """An empty lake with its ledger."""
    recall()
    return Lake.from_settings()
