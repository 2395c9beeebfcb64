"""Fixtures that open each kind of source over a fresh outside system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.broker import EmbeddedBroker
from resources.postgres import EmbeddedPostgres
from tests.resources.source.brokered import KafkaKind
from tests.resources.source.kinds import FilesKind, Kind, Ledger, PostgresKind


@pytest.fixture
def postgres_kind(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[PostgresKind]:
    """One table in a database that is swept when the test ends, slots with the rest."""
    postgres.ensure_database("source")
    kind = PostgresKind(postgres.dsn("source"), tmp_path / "scratch")
    yield kind
    kind.drop_slots()
    kind.run(
        "drop publication if exists watermain",
        "drop schema public cascade",
        "create schema public",
        "alter database source reset all",
    )


@pytest.fixture
def files_kind(tmp_path: Path) -> FilesKind:
    """An empty folder."""
    return FilesKind(tmp_path / "drop", tmp_path / "scratch")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """One broker of Kafka's protocol for the session."""
    broker = EmbeddedBroker(log=tmp_path_factory.mktemp("broker") / "log")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def kafka_kind(broker: EmbeddedBroker, tmp_path: Path) -> KafkaKind:
    """A topic of one partition, with a name of its own."""
    return KafkaKind(broker.address, tmp_path / "scratch")


@pytest.fixture(params=["postgres", "files", "kafka"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of source in turn."""
    found: Kind = request.getfixturevalue(f"{request.param}_kind")
    return found


@pytest.fixture
def ledger() -> Ledger:
    """A ledger that has seen nothing."""
    return Ledger()
