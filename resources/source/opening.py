"""A declared source, opened."""

from __future__ import annotations

from platform_assets.declare.dataset import Dataset
from platform_assets.declare.errors import SourceError
from platform_assets.declare.source import Files, Kafka, Mqtt, Postgres
from platform_assets.declare.web import Rest, Webhook
from resources.settings import Settings
from resources.source.protocol import Source


def open_source(dataset: Dataset, settings: Settings) -> Source:
    """The source of a raw dataset; nothing is read until it is asked."""
    word = dataset.source
    if isinstance(word, Postgres):
        from resources.source.postgres import PostgresSource

        return PostgresSource.of(dataset, settings)
    if isinstance(word, Files):
        from resources.source.files import FileSource

        return FileSource.of(dataset, settings)
    if isinstance(word, Kafka):
        from resources.source.kafka import KafkaSource

        return KafkaSource.of(dataset, settings)
    if isinstance(word, Mqtt):
        from resources.source.mqtt import MqttSource

        return MqttSource.of(dataset, settings)
    if isinstance(word, Rest):
        from resources.source.rest import RestSource

        return RestSource.of(dataset, settings)
    if isinstance(word, Webhook):
        from resources.source.webhook import WebhookSource

        return WebhookSource.of(dataset, settings)
    raise SourceError(
        f"{dataset.name}: nothing can be captured from {word!r}",
        declared=dataset.declared,
        data="nothing was read or written",
        next=f"watermain explain {dataset.name}",
    )
