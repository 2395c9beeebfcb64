"""Topics that are made anew under their old name while they are captured."""

from __future__ import annotations

import json
from pathlib import Path

from tests.watermain.source.brokered import KafkaKind, make_topic
from tests.watermain.source.kinds import Ledger, thing
from watermain.process.broker import EmbeddedBroker
from watermain.source.protocol import Limit


def value(number: int) -> str:
    """One message."""
    return json.dumps(thing(number))


def test_topic_made_anew_is_read_from_its_start_when_declared(
    kafka_kind: KafkaKind, ledger: Ledger
) -> None:
    """The batch leads from the old topic's end to the new one's; nothing is read twice."""
    kafka_kind.send(*map(value, range(4)))
    ledger.capture(kafka_kind.open(recreated="continue"))
    kafka_kind.make_anew()
    source = kafka_kind.open(recreated="continue")
    assert ledger.capture(source) == []
    kafka_kind.send(*map(value, range(10, 12)))
    assert not source.backlog().is_empty
    (seen,) = ledger.capture(source)
    old, new = (each.partition("@") for each in (seen.start, seen.end))
    assert (old[0], new[0]) == ("4", "2")
    assert old[2] != new[2]
    assert ledger.rows("_offset", "id") == [
        *((n, str(n)) for n in range(4)),
        *((n - 10, str(n)) for n in (10, 11)),
    ]
    assert source.backlog().is_empty
    assert ledger.capture(kafka_kind.open(recreated="continue")) == []


def test_topic_made_anew_goes_on_where_it_was_cut_short(
    kafka_kind: KafkaKind, ledger: Ledger
) -> None:
    """A capture that dies inside the new topic, untold of the commit, doubles nothing."""
    kafka_kind.send(*map(value, range(3)))
    ledger.capture(kafka_kind.open(recreated="continue"))
    kafka_kind.make_anew()
    kafka_kind.send(*map(value, range(10, 16)))
    for batch in kafka_kind.open(recreated="continue").batches(
        after=dict(ledger.positions), limit=Limit(rows=2)
    ):
        again = batch.batch_id
        break
    source = kafka_kind.open(recreated="continue")
    source.acknowledge(ledger.positions)
    fresh = ledger.capture(source, Limit(rows=2), acknowledge=False)
    assert fresh[0].batch_id == again
    assert [int(r[0]) for r in ledger.rows("id")] == [0, 1, 2, *range(10, 16)]


def test_broker_that_forgot_everything_is_read_anew(tmp_path: Path, ledger: Ledger) -> None:
    """What lies in memory only is gone with its process; the lake keeps what it has."""
    broker = EmbeddedBroker(log=tmp_path / "log")
    broker.start()
    kind = KafkaKind(broker.address, tmp_path / "scratch", topic="things")
    kind.send(*map(value, range(3)))
    ledger.capture(kind.open(recreated="continue"))
    broker.stop()
    broker.start()
    make_topic(broker.address, "things")
    kind.send(*map(value, range(3, 9)))
    source = kind.open(recreated="continue")
    source.acknowledge(ledger.positions)
    ledger.capture(source)
    empty = source.backlog().is_empty
    broker.stop()
    assert [int(r[0]) for r in ledger.rows("id")] == list(range(9))
    assert empty
