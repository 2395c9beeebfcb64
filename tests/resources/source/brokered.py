"""The kinds of source that stand behind a broker, over real ones."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from platform_assets.declare.source import Kafka
from resources.source.kafka import KafkaSource
from tests.resources.source.kinds import SHAPE, Shape

_NUMBERS = count()


def make_topic(address: str, name: str, partitions: int = 1) -> None:
    """Create a topic."""
    admin = AdminClient({"bootstrap.servers": address})
    for each in admin.create_topics([NewTopic(name, partitions, 1)]).values():
        each.result(20)


def drop_topic(address: str, name: str) -> None:
    """Delete a topic with all its messages."""
    admin = AdminClient({"bootstrap.servers": address})
    for each in admin.delete_topics([name]).values():
        each.result(20)


class KafkaKind:
    """One topic of its own, its messages one by one."""

    together = False

    def __init__(self, address: str, scratch: Path, partitions: int = 1, topic: str = "") -> None:
        self.address, self.scratch = address, scratch
        self.topic = topic or f"things_{next(_NUMBERS)}"
        make_topic(address, self.topic, partitions)

    def add(self, rows: list[dict]) -> None:
        self.send(*(json.dumps({**row, "extra": 1}) for row in rows))

    def send(self, *values: str | bytes | None, partition: int = 0, **words: object) -> None:
        """Put messages of the caller's words into a partition, in order."""
        producer = Producer({"bootstrap.servers": self.address, "linger.ms": 1})
        for value in values:
            producer.produce(self.topic, value, partition=partition, **words)
        assert producer.flush(20) == 0

    def open(self, shape: Shape = SHAPE, **words: object) -> KafkaSource:
        word = Kafka(**{"connection": "log", "topic": self.topic, **words})
        return KafkaSource(word, shape, address=lambda: self.address, scratch=self.scratch)
