"""The outside systems of the campaigns, each with the log of what was ever written to it."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from demo.mqtt_broker import EmbeddedMqttBroker
from tests.faults import declared
from tests.faults.generator import SHARDS, WRONG, Change, Generator, Piece
from tests.watermain.source.brokered import KafkaKind, publish_mqtt
from tests.watermain.source.web_kinds import BEGIN, HOUR, WebhookKind
from tests.watermain.source.web_server import ThingsApi, served
from watermain.declare import Dataset, Webhook
from watermain.process.broker import EmbeddedBroker
from watermain.process.postgres import EmbeddedPostgres
from watermain.source.rest.rest_memory import instant_text

KINDS = ("postgres", "files", "kafka", "mqtt", "rest", "webhook")
_NUMBERS = count()


class Outside(Protocol):
    """One outside system: what it captured from, what must reach the lake."""

    dataset: Dataset
    environment: dict[str, str]
    log: list[Change]

    def write(self, transactions: int) -> None:
        """Bring that many transactions into being."""
        ...

    def given(self) -> Mapping[str, Any]:
        """The arguments of a worker that captures it now."""
        ...


@dataclass
class Systems:
    """The servers that the worlds of a campaign share, each started when it is first needed.

    `sources` is the server of captured tables, where it is not the lake's.
    """

    postgres: EmbeddedPostgres
    folder: Path
    sources: EmbeddedPostgres | None = None
    kafka_address: str = ""
    mqtt_port: int = 0
    _started: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Systems:
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    @property
    def kafka(self) -> str:
        """The address of a broker of Kafka's protocol."""
        if not self.kafka_address:
            broker = EmbeddedBroker(log=self.folder / "broker.log")
            broker.start()
            self._started.callback(broker.stop)
            self.kafka_address = broker.address
        return self.kafka_address

    @property
    def mqtt(self) -> int:
        """The port of an MQTT broker."""
        if not self.mqtt_port:
            broker = EmbeddedMqttBroker()
            broker.start()
            self._started.callback(broker.stop)
            self.mqtt_port = broker.port
        return self.mqtt_port


class Stream:
    """What only grows: each transaction is a list of records with the next numbers."""

    dataset: Dataset

    def __init__(self, chance: random.Random) -> None:
        self.random = chance
        self.environment: dict[str, str] = {}
        self.words: dict[str, Any] = {}
        self.log: list[Change] = []
        self.latest: Counter[int] = Counter()

    def given(self) -> Mapping[str, Any]:
        return {"captured": str(self.dataset.name), "source": self.words}

    def write(self, transactions: int) -> None:
        for _ in range(transactions):
            pieces = [self._made() for _ in range(self.random.randint(1, 4))]
            self.log += [Change("i", piece) for piece in pieces]
            self.send(pieces)

    def send(self, pieces: Sequence[Piece]) -> None:
        """Tell the outside system of new records."""
        raise NotImplementedError

    def _made(self) -> Piece:
        shard = self.random.choice(SHARDS)
        self.latest[shard] += 1
        amount = WRONG if self.random.random() < 0.05 else str(self.random.randint(0, 10**15))
        at = f"2013-01-0{self.random.randint(1, 3)} {self.random.randint(10, 23)}:00:00"
        return Piece(f"{shard}/{self.latest[shard]}", shard, self.latest[shard], at, amount)


class FileDrop(Stream):
    """A folder into which each transaction is dropped as a file."""

    dataset = declared.drops

    def __init__(self, folder: Path, chance: random.Random) -> None:
        super().__init__(chance)
        self.folder = folder / "drop"
        self.folder.mkdir()
        self.environment[f"WATERMAIN_SOURCE_{declared.DROP.upper()}"] = str(self.folder)
        self.count = 0

    def given(self) -> Mapping[str, Any]:
        return {**super().given(), "now": (datetime.now(UTC) + HOUR).isoformat()}

    def send(self, pieces: Sequence[Piece]) -> None:
        self.count += 1
        part = self.folder / f"steps-{self.count:05}.csv.part"
        with part.open("w", newline="") as file:
            csv.writer(file).writerows([Piece._fields, *pieces])
        part.rename(part.with_suffix(""))


class KafkaTopic(Stream):
    """A topic of two partitions, one for each shard."""

    dataset = declared.moves

    def __init__(self, address: str, folder: Path, chance: random.Random) -> None:
        super().__init__(chance)
        topic = f"moves_{next(_NUMBERS)}"
        self.kind = KafkaKind(address, folder, len(SHARDS), topic=topic)
        self.environment[f"WATERMAIN_SOURCE_{declared.MESSAGES.upper()}"] = address
        self.words = {"topic": topic}

    def send(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            told = piece._asdict()
            told["load"] = {"amount": told.pop("amount")}
            self.kind.send(json.dumps(told), partition=piece.shard)


class MqttStations(Stream):
    """A topic on which one station for each shard numbers its messages."""

    dataset = declared.signals

    def __init__(self, port: int, chance: random.Random) -> None:
        super().__init__(chance)
        self.port, self.topic = port, f"line_{next(_NUMBERS)}"
        address = f"mqtt://127.0.0.1:{port}"
        self.environment[f"WATERMAIN_SOURCE_{declared.STATIONS.upper()}"] = address
        self.words = {"topic": f"{self.topic}/#", "client": self.topic}

    def send(self, pieces: Sequence[Piece]) -> None:
        told = [json.dumps(piece._asdict()) for piece in pieces]
        publish_mqtt(self.port, f"{self.topic}/s", told)


class RestApi(Stream):
    """An endpoint that tells of one window for each transaction, some records late."""

    dataset = declared.readings

    def __init__(self, chance: random.Random, stack: ExitStack) -> None:
        super().__init__(chance)
        self.api = ThingsApi(page=2)
        self.now = BEGIN
        address = stack.enter_context(served(self.api.app))
        self.environment[f"WATERMAIN_SOURCE_{declared.API.upper()}"] = f"{address}/v1"

    def given(self) -> Mapping[str, Any]:
        return {**super().given(), "now": self.now.isoformat()}

    def send(self, pieces: Sequence[Piece]) -> None:
        for number, piece in enumerate(pieces):
            late = HOUR if self.now > BEGIN + HOUR and self.random.random() < 0.1 else 0 * HOUR
            at = self.now - late + timedelta(seconds=number)
            self.api.add(instant_text(at), json.dumps(piece._asdict()))
        self.now += HOUR


class Hooks(Stream):
    """An endpoint of our own to which each transaction is delivered."""

    dataset = declared.calls

    def __init__(self, home: Path, chance: random.Random, stack: ExitStack) -> None:
        super().__init__(chance)
        word = self.dataset.source
        assert isinstance(word, Webhook)
        self.kind = WebhookKind(home / "hooks")
        self.kind.word = replace(word, secret=f"file:{self.kind.secret}")
        inbox = home / "inbox" / str(self.dataset.name)
        inbox.parent.mkdir()
        inbox.symlink_to(self.kind.folder / "inbox")
        self.kind.address = stack.enter_context(served(self.kind.app))

    def send(self, pieces: Sequence[Piece]) -> None:
        self.kind.count += 1
        body = json.dumps([piece._asdict() for piece in pieces]).encode()
        assert self.kind.send(body, f"delivery-{self.kind.count}").status_code == 202


class Table(Generator):
    """The table of a PostgreSQL database, with a slot of its own."""

    dataset = declared.steps

    def __init__(self, dsn: str, slot: str, chance: random.Random) -> None:
        super().__init__(dsn, chance)
        self.environment = {f"WATERMAIN_SOURCE_{declared.CONNECTION.upper()}": dsn}
        self.words = {"slot": slot}
        self.begin(getattr(self.dataset.source, "publication", ""), rows=20)

    def given(self) -> Mapping[str, Any]:
        """The arguments of a worker that captures it now."""
        return {"captured": str(self.dataset.name), "source": self.words}


@contextmanager
def opened(kind: str, systems: Systems, home: Path, chance: random.Random) -> Iterator[Outside]:
    """An outside system of that kind, new; whatever it alone needs ends with the block."""
    with ExitStack() as stack:
        if kind == "postgres":
            yield _table(systems, home, chance)
        elif kind == "files":
            yield FileDrop(home, chance)
        elif kind == "kafka":
            yield KafkaTopic(systems.kafka, home, chance)
        elif kind == "mqtt":
            yield MqttStations(systems.mqtt, chance)
        elif kind == "rest":
            yield RestApi(chance, stack)
        else:
            yield Hooks(home, chance, stack)


def _table(systems: Systems, home: Path, chance: random.Random) -> Table:
    server = systems.sources or systems.postgres
    server.ensure_database(home.name)
    return Table(server.dsn(home.name), home.name, chance)
