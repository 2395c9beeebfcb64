"""Fixtures that open each kind of source over a fresh outside system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.mqtt_broker import EmbeddedMqttBroker
from tests.watermain.source.brokered import (
    JARS,
    ApacheKafka,
    KafkaKind,
    Mosquitto,
    MqttKind,
)
from tests.watermain.source.dropping import *  # noqa: F403  (its fixtures)
from tests.watermain.source.dropping import DROPPED
from tests.watermain.source.kinds import Kind, Ledger, PostgresKind
from tests.watermain.source.web_kinds import RestKind, WebhookKind
from tests.watermain.source.web_server import ThingsApi, served
from watermain.process.broker import EmbeddedBroker
from watermain.process.postgres import EmbeddedPostgres

KINDS = ("postgres", *DROPPED, "kafka", "mqtt", "rest", "webhook")


@pytest.fixture
def postgres_kind(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[PostgresKind]:
    """One table in a database that is swept when the test ends, slots with the rest."""
    postgres.ensure_database("source")
    kind = PostgresKind(postgres.dsn("source"), tmp_path / "scratch")
    yield kind
    kind.drop_slots()
    kind.run(
        "drop publication if exists watermain, another",
        "drop schema public cascade",
        "create schema public",
        "alter database source reset all",
    )


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


@pytest.fixture(scope="session")
def mqtt_broker() -> Iterator[EmbeddedMqttBroker]:
    """Our own small MQTT broker for the session."""
    server = EmbeddedMqttBroker()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mqtt_kind(mqtt_broker: EmbeddedMqttBroker, tmp_path: Path) -> MqttKind:
    """A topic of its own, to which we have a session."""
    return MqttKind(mqtt_broker.port, tmp_path / "scratch")


@pytest.fixture
def mosquitto_kind(mosquitto: Mosquitto, tmp_path: Path) -> MqttKind:
    """The same, on Debian's broker."""
    return MqttKind(mosquitto.port, tmp_path / "scratch")


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """One node of Apache Kafka for the session."""
    server = ApacheKafka(tmp_path_factory.mktemp("kafka"), JARS)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def apache_kind(apache_kafka: ApacheKafka, tmp_path: Path) -> KafkaKind:
    """A topic of one partition on Apache Kafka."""
    return KafkaKind(apache_kafka.address, tmp_path / "scratch")


@pytest.fixture
def rest_kind(tmp_path: Path) -> Iterator[RestKind]:
    """An endpoint without things."""
    api = ThingsApi()
    with served(api.app) as address:
        yield RestKind(api, address, tmp_path / "home")


@pytest.fixture
def webhook_kind(tmp_path: Path) -> Iterator[WebhookKind]:
    """An endpoint that nobody sent anything to."""
    kind = WebhookKind(tmp_path / "home")
    with served(kind.app) as kind.address:
        yield kind


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of source in turn."""
    found: Kind = request.getfixturevalue(f"{request.param}_kind")
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every kind to a test, but for those that a `never` mark takes out with its reason."""
    own = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "kind" not in metafunc.fixturenames or any("kind" in names for names in own):
        return
    marks = list(metafunc.definition.iter_markers("never"))
    assert all(mark.kwargs["reason"] for mark in marks)
    never = {mark.args[0] for mark in marks}
    kinds: list[object] = [name for name in KINDS if name not in never]
    others = {"mosquitto": "mqtt", "apache": "kafka"}
    services = pytest.mark.services
    kinds += [pytest.param(n, marks=services) for n, kin in others.items() if kin not in never]
    metafunc.parametrize("kind", kinds, indirect=True)


@pytest.fixture
def ledger() -> Ledger:
    """A ledger that has seen nothing."""
    return Ledger()
