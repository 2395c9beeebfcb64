"""What only a Kafka topic can do to a source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.ports import free_port
from tests.watermain.source.brokered import KafkaKind, drop_topic, make_topic
from tests.watermain.source.kinds import SHAPE, Ledger, rows_of, thing
from watermain.declare import Kafka
from watermain.declare.errors import (
    InvalidDeclarationError,
    SourceError,
    UnreachableSystemError,
)
from watermain.process.broker import EmbeddedBroker
from watermain.source.delivery import Caps
from watermain.source.kafka.kafka import KafkaSource
from watermain.source.kafka.kafka_log import Marks
from watermain.source.protocol import Limit, Shape


def value(number: int) -> str:
    """One message."""
    return json.dumps(thing(number))


@pytest.fixture
def wide(broker: EmbeddedBroker, tmp_path: Path) -> KafkaKind:
    """A topic of three partitions."""
    return KafkaKind(broker.address, tmp_path / "scratch", partitions=3)


def committed(kind: KafkaKind, group: str) -> int:
    """The offset that lag tools see."""
    consumer = Consumer({"bootstrap.servers": kind.address, "group.id": group})
    (found,) = consumer.committed([TopicPartition(kind.topic, 0)], timeout=60)
    consumer.close()
    offset: int = found.offset
    return offset


def test_each_partition_is_a_shard_that_keeps_its_order(wide: KafkaKind, ledger: Ledger) -> None:
    for number in range(30):
        wide.send(value(number), partition=number % 3)
    ledger.capture(wide.open(), Limit(rows=4))
    shards = {each.shard for each in ledger.seen}
    assert shards == {f"{wide.topic}/{n}" for n in range(3)}
    assert sorted(int(row[0]) for row in ledger.rows("id")) == list(range(30))
    for shard in shards:
        rows = rows_of([e for e in ledger.seen if e.shard == shard], "_partition", "_offset", "id")
        assert [offset for _, offset, _ in rows] == list(range(10))
        assert [int(id) for _, _, id in rows] == list(range(rows[0][0], 30, 3))


def test_position_is_the_next_offset_with_the_topic_it_belongs_to(
    kafka_kind: KafkaKind, ledger: Ledger
) -> None:
    kafka_kind.send(value(1), value(2))
    ledger.capture(kafka_kind.open())
    offset, _, topic_id = ledger.positions[f"{kafka_kind.topic}/0"].partition("@")
    assert offset == "2"
    assert len(topic_id) == 22


def test_messages_keep_key_headers_time(kafka_kind: KafkaKind, ledger: Ledger) -> None:
    headers = [("correlation_id", b"c-1"), ("tag", b"a"), ("tag", b"b"), ("raw", b"\xff\x00")]
    kafka_kind.send(value(1), key="ünï".encode(), headers=headers, timestamp=1_357_000_000_123)
    kafka_kind.send(value(2), key=b"\xfe")
    (seen,) = ledger.capture(kafka_kind.open())
    first, second = seen.rows.to_pylist()
    assert (first["_partition"], first["_offset"], first["_key"]) == (0, 0, "ünï")
    assert first["_timestamp"].isoformat() == "2013-01-01T00:26:40.123000+00:00"
    assert json.loads(first["_headers"]) == {
        "correlation_id": "c-1",
        "tag": ["a", "b"],
        "raw": "\\xff00",
    }
    assert (second["_key"], second["_headers"]) == ("\\xfe", None)


POISON = [
    ("{", "is not JSON"),
    ("[1]", "is no JSON object"),
    ('{"id": NaN}', "is not JSON"),
    (b'{"id": "\xff"}', "is not UTF-8"),
    ('{"id": "\\ud800"}', "has half a character in `id`"),
    ("", "is not JSON"),
    ('{"note": "' + "x" * 5000 + '"}', "is longer than 5000 bytes"),
]


def test_poison_is_rejected_where_it_lies_while_the_rest_goes_on(
    kafka_kind: KafkaKind, ledger: Ledger
) -> None:
    kafka_kind.send(value(1), *(each for each, _ in POISON), value(2))
    source = kafka_kind.open()
    source.caps = Caps(row_bytes=5000, payload_bytes=100)
    (seen,) = ledger.capture(source)
    assert ledger.rows("id") == [("1",), ("2",)]
    assert [(r["position"], r["reason"]) for r in seen.rejected] == [
        (f"{kafka_kind.topic}/0/{n}", reason) for n, (_, reason) in enumerate(POISON, 1)
    ]
    assert seen.rejected[0]["payload"] == "{"
    assert len(seen.rejected[-1]["payload"]) == 100


def test_tombstone_is_rejected_with_its_key(kafka_kind: KafkaKind, ledger: Ledger) -> None:
    kafka_kind.send(None, key=b"k1")
    (seen,) = ledger.capture(kafka_kind.open())
    assert seen.rows.num_rows == 0
    (reject,) = seen.rejected
    assert (reject["reason"], reject["payload"]) == ("has no value: a tombstone", "key k1")


def test_fields_flatten_nested_objects(kafka_kind: KafkaKind, ledger: Ledger) -> None:
    kafka_kind.send('{"flight": {"id": 7, "gate": "B2"}, "day": "2013-01-01", "note": {"a": 1.10}}')
    kafka_kind.send('{"flight": 8}')
    (seen,) = ledger.capture(kafka_kind.open(fields={"id": "flight.id"}))
    assert rows_of([seen]) == [("7", "2013-01-01", '{"a":1.10}')]
    assert seen.unknown_columns == ("flight.gate",)
    assert [each["reason"] for each in seen.rejected] == ["has no object in `flight`"]


def test_batch_closes_at_its_bytes(kafka_kind: KafkaKind, ledger: Ledger) -> None:
    kafka_kind.send(*(json.dumps(thing(n, "x" * 1000)) for n in range(10)))
    seen = ledger.capture(kafka_kind.open(), Limit(bytes=2000))
    assert [each.rows.num_rows for each in seen] == [2] * 5


def test_call_ends_when_its_time_is_up(kafka_kind: KafkaKind, ledger: Ledger) -> None:
    kafka_kind.send(value(1))
    assert ledger.capture(kafka_kind.open(), Limit(seconds=0)) == []
    assert len(ledger.capture(kafka_kind.open())) == 1


def test_group_shows_progress_only_after_acknowledge_never_backwards(
    kafka_kind: KafkaKind, ledger: Ledger
) -> None:
    group = "watermain_operations_raw_things"
    kafka_kind.send(value(1), value(2))
    source = kafka_kind.open()
    first, second = ledger.capture(source, Limit(rows=1), acknowledge=False)
    assert committed(kafka_kind, group) < 0
    source.acknowledge({second.shard: second.end})
    assert committed(kafka_kind, group) == 2
    source.acknowledge({first.shard: first.end})
    assert committed(kafka_kind, group) == 2


def test_ledger_wins_over_what_the_group_says(kafka_kind: KafkaKind, ledger: Ledger) -> None:
    kafka_kind.send(value(1), value(2))
    source = kafka_kind.open()
    _, second = ledger.capture(source, Limit(rows=1), acknowledge=False)
    source.acknowledge({second.shard: second.end})
    fresh = Ledger()
    fresh.capture(kafka_kind.open())
    assert fresh.rows("id") == [("1",), ("2",)]


def test_topic_made_anew_is_refused_even_when_it_has_grown_longer(
    kafka_kind: KafkaKind, ledger: Ledger
) -> None:
    kafka_kind.send(value(1), value(2))
    ledger.capture(kafka_kind.open())
    drop_topic(kafka_kind.address, kafka_kind.topic)
    make_topic(kafka_kind.address, kafka_kind.topic)
    kafka_kind.send(*map(value, range(5)))
    with pytest.raises(SourceError, match="we have read up to 2 of another topic of this name"):
        ledger.capture(kafka_kind.open())
    assert len(ledger.rows()) == 2


def test_refused_partition_does_not_hold_back_the_others(wide: KafkaKind, ledger: Ledger) -> None:
    for partition in range(3):
        wide.send(value(partition), partition=partition)
    ledger.positions[f"{wide.topic}/1"] = "7@another"
    with pytest.raises(SourceError, match="partition 1 of topic"):
        ledger.capture(wide.open())
    assert ledger.rows("id") == [("0",), ("2",)]


def test_offsets_deleted_unread_are_told_from_where_to_where(kafka_kind: KafkaKind) -> None:
    error = kafka_kind.open()._deleted(3, 40, Marks(100, 200))
    assert "partition 3" in error.what
    assert "offsets 40 to 99 were deleted unread" in error.what
    assert error.data.startswith("lost at the source")


def test_unknown_topic_is_refused(broker: EmbeddedBroker, kafka_kind: KafkaKind) -> None:
    source = kafka_kind.open(topic="nowhere")
    with pytest.raises(SourceError, match="topic nowhere"):
        source.verify()


def test_broker_that_is_gone_may_come_back(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watermain.source.kafka.kafka_log.ANSWER_SECONDS", 1.0)
    port = free_port()
    source = KafkaSource(
        Kafka(connection="log", topic="things"),
        SHAPE,
        address=lambda: f"127.0.0.1:{port}",
        scratch=tmp_path,
    )
    with pytest.raises(UnreachableSystemError, match="topic things"):
        ledger.capture(source)


@pytest.mark.parametrize("address", ["", "security.protocol=SSL", "h:1 group.id=mine", "h:1 word"])
def test_address_that_is_not_understood_is_refused(kafka_kind: KafkaKind, address: str) -> None:
    kafka_kind.address = address
    with pytest.raises(SourceError, match="is not understood"):
        kafka_kind.open().verify()


def test_address_carries_options_of_security(kafka_kind: KafkaKind) -> None:
    kafka_kind.address += " client.id='a name' security.protocol=plaintext"
    kafka_kind.open().verify()


def test_words_are_checked_where_they_are_written() -> None:
    for words in ({"topic": ""}, {"format": "xml"}, {"fields": {"a": "b..c"}}):
        with pytest.raises(InvalidDeclarationError):
            Kafka(**{"connection": "log", "topic": "t", **words})


def test_backlog_counts_all_partitions(wide: KafkaKind, ledger: Ledger) -> None:
    wide.send(value(1), value(2), partition=0)
    wide.send(value(3), partition=2)
    assert wide.open(Shape(dataset="a.raw.b", columns=("id",))).backlog().rows == 3
