"""Messages captured from a broker, killed at every failpoint, retried."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.declared import MESSAGES
from tests.faults.stage import Stage
from tests.watermain.source.brokered import KafkaKind
from watermain.process.broker import EmbeddedBroker

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


def judged(floor: Stage, sent: int) -> dict[str, str]:
    """What was sent is there once, the ledger of each partition is one chain; give its ends."""
    kept = floor.run("kept", given=DATASET).results["kept"]
    assert kept["rows"] == good(range(sent))
    assert len(kept["quarantined"]) == sent // 50
    assert sum(rows + aside for *_, rows, aside in kept["batches"]) == sent
    ends: dict[str, str] = {}
    for shard, start, end, _, _ in kept["batches"]:
        assert start == ends.get(shard, "")
        ends[shard] = end
    return ends


@pytest.mark.slow
def test_processes_that_capture_one_topic_at_once_lose_double_nothing(
    floor: Stage, moves: KafkaKind
) -> None:
    """Three readers begin together again and again, while messages arrive; one at a time reads."""
    sent = 0
    for _ in range(3):
        send(moves, range(sent, sent + 300))
        sent += 300
        readers = [floor.start("capture", given=DATASET) for _ in range(3)]
        send(moves, range(sent, sent + 150))
        sent += 150
        for reader in readers:
            assert reader.wait().results
    floor.run("capture", given=DATASET).results  # noqa: B018
    judged(floor, sent)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["ingest.after_rows_before_ledger", "publish.before_commit"])
def test_reader_that_slept_past_its_lease_is_refused(
    floor: Stage, moves: KafkaKind, place: str
) -> None:
    """It is stopped inside its second batch; another reads on, also what arrived meanwhile."""
    floor.environment["WATERMAIN_LEASE_SECONDS"] = "1"
    sent = 0
    for _ in range(2):
        send(moves, range(sent, sent + 300))
        sent += 300
        asleep = floor.start("capture", failpoint=f"{place}=pause:2", at="capture", given=DATASET)
        assert asleep.stopped()
        send(moves, range(sent, sent + 150))
        sent += 150
        assert floor.run("capture", given=DATASET).results
        asleep.resume()
        assert asleep.wait().error[0] == "LostLeaseError"
    assert floor.run("capture", given=DATASET).results["capture"] == 0
    judged(floor, sent)
