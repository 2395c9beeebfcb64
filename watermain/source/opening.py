"""A declared source, opened."""

from __future__ import annotations

from watermain.declare.dataset import Dataset
from watermain.declare.errors import SourceError
from watermain.declare.outside.source import Files, Kafka, Mqtt, Postgres
from watermain.declare.outside.web import Rest, Webhook
from watermain.machine.extras import need
from watermain.settings import Settings
from watermain.source.protocol import Source


def open_source(dataset: Dataset, settings: Settings) -> Source:
    """The source of a raw dataset; nothing is read until it is asked.

    Raises: MissingExtraError.
    """
    word = dataset.source
    if isinstance(word, Postgres):
        from watermain.source.postgres.postgres import PostgresSource

        return PostgresSource.of(dataset, settings)
    if isinstance(word, Files):
        from watermain.source.files.files import FileSource

        return FileSource.of(dataset, settings)
    if isinstance(word, Kafka):
        need("kafka", declared=dataset.declared)
        from watermain.source.kafka.kafka import KafkaSource

        return KafkaSource.of(dataset, settings)
    if isinstance(word, Mqtt):
        need("mqtt", declared=dataset.declared)
        from watermain.source.mqtt.mqtt import MqttSource

        return MqttSource.of(dataset, settings)
    if isinstance(word, Rest):
        from watermain.source.rest.rest import RestSource

        return RestSource.of(dataset, settings)
    if isinstance(word, Webhook):
        from watermain.source.webhook.webhook import WebhookSource

        return WebhookSource.of(dataset, settings)
    raise SourceError.nothing_happened(
        f"{dataset.name}: nothing can be captured from {word!r}",
        declared=dataset.declared,
        next=f"watermain explain {dataset.name}",
    )
