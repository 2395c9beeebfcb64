"""Messages captured from a broker, killed at every failpoint, retried."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.broker import EmbeddedBroker
from tests.faults.declared import MESSAGES
from tests.faults.stage import Stage
from tests.resources.source.brokered import KafkaKind

BATCH_ROWS = 40
PARTITIONS = 3
DATASET = {"captured": "factory.raw.moves"}
ODD = 7


@pytest.fixture
def moves(tmp_path: Path) -> Iterator[KafkaKind]:
    """The topic of the declared dataset, on a broker of its own."""
    broker = EmbeddedBroker(log=tmp_path / "broker.log")
    broker.start()
    yield KafkaKind(broker.address, tmp_path / "scratch", PARTITIONS, topic="moves")
    broker.stop()


@pytest.fixture
def floor(empty: Stage, moves: KafkaKind) -> Stage:
    """An empty lake whose captures take small batches from the topic."""
    empty.environment |= {
        f"WATERMAIN_SOURCE_{MESSAGES.upper()}": moves.address,
        "WATERMAIN_BATCH_ROWS": str(BATCH_ROWS),
    }
    return empty


def send(moves: KafkaKind, numbers: range) -> None:
    """Write numbered moves; of fifty, one is no JSON or ill-typed in turn."""
    for partition in range(PARTITIONS):
        moves.send(*(_move(n) for n in numbers if n % PARTITIONS == partition), partition=partition)


def _move(number: int) -> str:
    if number % 100 == ODD:
        return f"move {number}"
    amount: Any = "many" if number % 50 == ODD else number
    return json.dumps(
        {
            "id": str(number),
            "shard": number % PARTITIONS,
            "seq": number,
            "at": "2013-01-02 10:00:00",
            "load": {"amount": amount},
        }
    )


def _signal(number: int) -> str:
    """The same, its amount not nested."""
    if number % 100 == ODD:
        return f"signal {number}"
    told = json.loads(_move(number))
    return json.dumps({**told, "amount": told.pop("load")["amount"]})


def good(numbers: range) -> list[tuple[str, int, int]]:
    """The rows that must be captured."""
    return sorted((str(n), n, n) for n in numbers if n % 50 != ODD)


def test_quarantine_tells_topic_partition_offset(floor: Stage, moves: KafkaKind) -> None:
    """What is no JSON is told like what has the wrong type."""
    send(moves, range(100))
    floor.run("capture", given=DATASET)
    kept = floor.run("kept", given=DATASET).results["kept"]
    assert kept["quarantined"] == [
        ("moves/0/19", "`amount` is not int64"),
        ("moves/1/2", "is not JSON"),
    ]
