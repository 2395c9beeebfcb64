"""Fixtures that open each kind of source over a fresh outside system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.broker import EmbeddedBroker
from resources.postgres import EmbeddedPostgres
from tests.resources.source.brokered import KafkaKind, Mosquitto, MqttKind
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


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """One MQTT broker for the session."""
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mqtt_kind(mosquitto: Mosquitto, tmp_path: Path) -> MqttKind:
    """A topic of its own, to which we have a session."""
    return MqttKind(mosquitto.port, tmp_path / "scratch")


@pytest.fixture(
    params=["postgres", "files", "kafka", pytest.param("mqtt", marks=pytest.mark.services)]
)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of source in turn."""
    found: Kind = request.getfixturevalue(f"{request.param}_kind")
    return found


@pytest.fixture
def ledger() -> Ledger:
    """A ledger that has seen nothing."""
    return Ledger()
