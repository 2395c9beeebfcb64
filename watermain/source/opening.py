"""The one table of the kinds of source, each opened by its word."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from watermain.declare.connection.broker import KafkaConnection, MqttConnection
from watermain.declare.connection.connection import Connection
from watermain.declare.connection.database import PostgresConnection
from watermain.declare.connection.files import FilesConnection
from watermain.declare.connection.sftp import SftpConnection
from watermain.declare.connection.web import (
    RegistryConnection,
    RestConnection,
    WebhookConnection,
)
from watermain.declare.dataset import Dataset
from watermain.declare.errors import SourceError
from watermain.declare.outside.brought import DagsterAsset, Dlt
from watermain.declare.outside.kind import SourceWord
from watermain.declare.outside.source import Files, Kafka, Mqtt, Postgres, Sftp
from watermain.declare.outside.web import Rest, Webhook
from watermain.machine.extras import missing, need
from watermain.settings import Settings
from watermain.source.connected import prove_connections
from watermain.source.outside import Connections, Outside
from watermain.source.protocol import Source

# A word and then the class that reads what it declares, imported when it is asked for.
OPENERS: Mapping[type[SourceWord], str] = {
    Postgres: "watermain.source.postgres.postgres:PostgresSource",
    Files: "watermain.source.files.files:FileSource",
    Kafka: "watermain.source.kafka.kafka:KafkaSource",
    Mqtt: "watermain.source.mqtt.mqtt:MqttSource",
    Rest: "watermain.source.rest.rest:RestSource",
    Webhook: "watermain.source.webhook.webhook:WebhookSource",
    Sftp: "watermain.source.sftp.sftp:SftpSource",
    DagsterAsset: "watermain.source.brought.frames:FrameSource",
    Dlt: "watermain.source.brought.dlt_source:DltCapture",
}
# A connection and then what tells what stands at the end of it.
FINDERS: Mapping[type[Connection], str] = {
    PostgresConnection: "watermain.source.postgres.finding:found",
    FilesConnection: "watermain.source.files.finding:found",
    KafkaConnection: "watermain.source.kafka.finding:found",
    RegistryConnection: "watermain.source.kafka.finding:registry_found",
    MqttConnection: "watermain.source.mqtt.finding:found",
    RestConnection: "watermain.source.rest.finding:found",
    WebhookConnection: "watermain.source.webhook.finding:found",
    SftpConnection: "watermain.source.sftp.finding:found",
}


def modules() -> tuple[str, ...]:
    """The modules of the kinds that are installed, for who wants them before they are asked for."""
    stand = [opener for word, opener in OPENERS.items() if not (word.extra and missing(word.extra))]
    return tuple(opener.partition(":")[0] for opener in stand)


def open_source(dataset: Dataset, settings: Settings, connections: Connections) -> Source:
    """The source of a raw dataset; nothing is read until it is asked.

    Raises: UnknownConnectionError, MissingExtraError or SourceError; BrokenRoomError, where its
    room does not load.
    """
    dataset.refuse_broken()
    opener = OPENERS.get(type(dataset.source or SourceWord()))
    if opener is None:
        raise SourceError.nothing_happened(
            f"{dataset.name}: nothing can be captured from {dataset.source!r}",
            declared=dataset.declared,
            next=f"watermain explain {dataset.name}",
        )
    prove_connections(dataset, connections)
    if dataset.origin.extra:
        need(dataset.origin.extra, declared=dataset.declared)
    opened: Source = _imported(opener).of(dataset, Outside(settings, connections))
    return opened


def found_at(word: Connection, settings: Settings, connections: Connections) -> str:
    """Try a connection with every wait bounded, and say in one line what is there.

    Raises: UnreachableSystemError, ExpiredCredentialError, MissingSettingError or SourceError.
    """
    if word.extra:
        need(word.extra, declared=word.declared)
    told: str = _imported(FINDERS[type(word)])(word, Outside(settings, connections))
    return told


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
