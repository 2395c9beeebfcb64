"""Messages of Avro, of Protobuf, read from a topic by the schemas of a registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.watermain.source.brokered import KafkaKind
from tests.watermain.source.kafka.test_protobuf_values import built
from tests.watermain.source.kinds import Ledger
from tests.watermain.source.registry import Field, Registry, avro, framed, message, proto, record
from tests.watermain.source.web_server import served
from watermain.clock import FixedClock
from watermain.credential import Address
from watermain.declare import Column, Contract, Kafka, raw
from watermain.declare.errors import (
    ExpiredCredentialError,
    InvalidDeclarationError,
    SourceError,
    UnreachableSystemError,
)
from watermain.settings import Settings
from watermain.source.kafka import schema_registry
from watermain.source.kafka.kafka import KafkaSource
from watermain.source.kafka.kafka_rows import SETTLED
from watermain.source.outside import Outside

CONTRACT = Contract(grain="one row", key=("id",), columns=(Column("id", pa.string(), "its id"),))
FIRST = record(("id", "long"), ("day", {"type": "int", "logicalType": "date"}))
LATER = record(("note", ["null", "string"]), ("gate", "string"), ("id", "string"))
LATER_ROW = {"id": "2", "note": "n", "gate": "B2"}


@pytest.fixture
def registry() -> Registry:
    """A registry without schemas."""
    return Registry()


@pytest.fixture
def url(registry: Registry) -> Iterator[str]:
    """Where it answers."""
    with served(registry.app) as address:
        yield address


@pytest.fixture
def source(kafka_kind: KafkaKind, url: str) -> KafkaSource:
    """The topic, read as Avro."""
    return kafka_kind.open(registry=lambda: url, format="avro")


def test_avro_messages_become_rows_though_their_schema_evolves(
    kafka_kind: KafkaKind, source: KafkaSource, registry: Registry, ledger: Ledger
) -> None:
    """Columns are found by name in whichever schema a message has; int64, dates stay exact."""
    first, later = registry.avro(FIRST), registry.avro(LATER)
    kafka_kind.send(
        avro(first, FIRST, {"id": 2**63 - 1, "day": 15706}),
        avro(later, LATER, LATER_ROW),
        avro(first, FIRST, {"id": 3, "day": 15707}),
        headers=[("correlation_id", b"c-1")],
    )
    (seen,) = ledger.capture(source)
    assert ledger.rows("id", "day", "note") == [
        ("9223372036854775807", "2013-01-01", None),
        ("2", None, "n"),
        ("3", "2013-01-02", None),
    ]
    assert seen.unknown_columns == ("gate",)
    assert set(seen.rows["_headers"].to_pylist()) == {'{"correlation_id": "c-1"}'}


def test_avro_schema_may_refer_to_another_subject(
    kafka_kind: KafkaKind, source: KafkaSource, registry: Registry, ledger: Ledger
) -> None:
    """It is asked for by subject with version."""
    inner = record(("a", "long"), name="Inner")
    registry.subjects["inner/one", 3] = {"schema": json.dumps(inner)}
    number = registry.avro(
        record(("id", "long"), ("note", "Inner")),
        [{"name": "Inner", "subject": "inner/one", "version": 3}],
    )
    whole = record(("id", "long"), ("note", inner))
    kafka_kind.send(avro(number, whole, {"id": 1, "note": {"a": 2}}))
    ledger.capture(source)
    assert ledger.rows("id", "note") == [("1", '{"a":2}')]


def test_protobuf_messages_become_rows(
    kafka_kind: KafkaKind, url: str, registry: Registry, ledger: Ledger
) -> None:
    """Paths lead into nested messages, as in JSON; a file that is imported is asked for."""
    other = proto("other.proto")
    message(other, "Where", gate=Field.TYPE_STRING)
    file = proto("things.proto", "other.proto")
    message(file, "Thing", id=Field.TYPE_INT64, at=".shop.Where")
    kind = built(file, "Thing", other)
    number = registry.protobuf(file, [{"name": "other.proto", "subject": "o", "version": 1}])
    alone = Registry()
    alone.protobuf(other)
    registry.subjects["o", 1] = alone.schemas[1]
    value = kind(id=2**62)
    value.at.gate = "B2"
    kafka_kind.send(framed(number, b"\0" + value.SerializeToString()))
    words: dict[str, Any] = {"format": "protobuf", "fields": {"note": "at.gate"}}
    ledger.capture(kafka_kind.open(registry=lambda: url, **words))
    assert ledger.rows("id", "note") == [(str(2**62), "B2")]


def test_poison_is_rejected_where_it_lies_with_its_bytes(
    kafka_kind: KafkaKind, source: KafkaSource, registry: Registry, ledger: Ledger
) -> None:
    """No frame, a broken body, a schema of another kind; the rest goes on."""
    number = registry.avro(FIRST)
    file = proto()
    message(file, "Thing", id=Field.TYPE_INT64)
    registry.protobuf(file)
    registry.schemas[2]["schemaType"] = "JSON"
    good = avro(number, FIRST, {"id": 1, "day": 0})
    wrong = registry.schemas.pop(2)
    registry.schemas[2] = {"schema": wrong["schema"], "schemaType": "JSON"}
    kafka_kind.send(good, b"\xfe{}", framed(number, b"\xff"), None, good)
    (seen,) = ledger.capture(source)
    assert len(ledger.rows()) == 2
    told = [(r["position"].rpartition("/")[2], r["reason"], r["payload"]) for r in seen.rejected]
    assert told == [
        ("1", "does not begin with a schema id", "\\xfe7b7d"),
        ("2", "is no Avro of its schema", "\\x0000000001ff"),
        ("3", "has no value: a tombstone", "key "),
    ]


def test_schema_nobody_knows_is_waited_for_while_the_message_is_young(
    kafka_kind: KafkaKind, source: KafkaSource, registry: Registry, ledger: Ledger
) -> None:
    """The registry's copy may lag behind the producer; when it has caught up, all is read."""
    kafka_kind.send(avro(1, FIRST, {"id": 1, "day": 0}))
    for _ in range(2):
        with pytest.raises(UnreachableSystemError, match="schema 1 is not known to the registry"):
            ledger.capture(source)
    assert ledger.positions == {}
    registry.avro(FIRST)
    ledger.capture(source)
    assert ledger.rows("id") == [("1",)]


def test_schema_nobody_knows_is_poison_when_the_message_is_old(
    kafka_kind: KafkaKind, source: KafkaSource, registry: Registry, ledger: Ledger
) -> None:
    """One message does not hold the topic up for ever; the registry is asked once for its id."""
    number = registry.avro(FIRST)
    lost = [avro(7, FIRST, {"id": n, "day": 0}) for n in range(5)]
    kafka_kind.send(*lost, avro(number, FIRST, {"id": 9, "day": 0}))
    source.clock = FixedClock(datetime.now(UTC) + SETTLED + timedelta(minutes=1))
    (seen,) = ledger.capture(source)
    assert ledger.rows("id") == [("9",)]
    assert {r["reason"] for r in seen.rejected} == {"schema 7 is not known to the registry"}
    assert [r["position"] for r in seen.rejected] == [f"{kafka_kind.topic}/0/{n}" for n in range(5)]
    assert registry.asked == ["/schemas/ids/7", "/schemas/ids/1"]


@pytest.mark.parametrize("status", [500, 503, 429, 404])
def test_registry_that_is_away_moves_nothing(
    kafka_kind: KafkaKind, source: KafkaSource, registry: Registry, ledger: Ledger, status: int
) -> None:
    """An answer of 404 that is not the registry's own is no word about the schema."""
    registry.broken = status
    kafka_kind.send(avro(registry.avro(FIRST), FIRST, {"id": 1, "day": 0}))
    with pytest.raises((UnreachableSystemError, SourceError), match=f"it answers {status} to"):
        ledger.capture(source)
    assert ledger.positions == {}
    registry.broken = 0
    ledger.capture(source)
    assert ledger.rows("id") == [("1",)]


def test_registry_that_does_not_answer_may_come_back(kafka_kind: KafkaKind, ledger: Ledger) -> None:
    """Nobody listens there; an address that is none is somebody's mistake."""
    kafka_kind.send(framed(1, b"x"))
    with pytest.raises(UnreachableSystemError, match="schema registry: it does not answer"):
        ledger.capture(kafka_kind.open(registry=lambda: "http://127.0.0.1:1", format="avro"))
    with pytest.raises(SourceError, match="its address is no http"):
        ledger.capture(kafka_kind.open(registry=lambda: "registry", format="avro"))


def test_schemas_are_asked_for_once_though_only_the_last_are_kept(
    kafka_kind: KafkaKind,
    source: KafkaSource,
    registry: Registry,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The memory is bounded; which schema is dropped is the one used longest ago."""
    monkeypatch.setattr(schema_registry, "MOST_SCHEMAS", 2)
    one, two, three = (registry.avro(FIRST) for _ in range(3))
    used = [one, two, one, three, one, two]
    kafka_kind.send(*(avro(each, FIRST, {"id": each, "day": 0}) for each in used))
    source.clock = FixedClock(datetime.now(UTC) + SETTLED + timedelta(minutes=1))
    ledger.capture(source)
    assert [int(row[0]) for row in ledger.rows("id")] == used
    assert registry.asked == [f"/schemas/ids/{each}" for each in (one, two, three, two)]


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """The file of the password that the registry's address refers to."""
    (tmp_path / "password").write_text("old")
    return tmp_path / "password"


@pytest.fixture
def settings(url: str, password: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that know the registry."""
    address = url.replace("://", f"://reader:${{file:{password}}}@")
    monkeypatch.setenv("WATERMAIN_SOURCE_SCHEMAS", address)
    return Settings(data_dir=tmp_path)


def test_registry_that_refuses_our_password_is_asked_again_when_it_is_rotated(
    kafka_kind: KafkaKind, registry: Registry, password: Path, ledger: Ledger, settings: Settings
) -> None:
    """One question with the old password, none more; the new one is taken at once."""
    registry.password = "new"
    kafka_kind.send(avro(registry.avro(FIRST), FIRST, {"id": 1, "day": 0}))
    for _ in range(3):
        source = kafka_kind.open(registry=Address(settings, "schemas"), format="avro")
        with pytest.raises(ExpiredCredentialError, match="credential of `schemas` is refused"):
            ledger.capture(source)
    assert len(registry.asked) == 1
    password.write_text("new")
    ledger.capture(kafka_kind.open(registry=Address(settings, "schemas"), format="avro"))
    assert ledger.rows("id") == [("1",)]


def test_registry_is_opened_by_its_connection(settings: Settings, password: Path) -> None:
    """Its address is a setting like every other, secrets included."""
    word = Kafka(connection="log", topic="t", format="avro", registry="schemas")
    source = KafkaSource.of(
        raw("a.raw.b", source=word, contract=CONTRACT, owner="team:a"), Outside(settings)
    )
    assert source._registry is not None
    assert source._registry.asking.address().startswith("http://reader:old@127.0.0.1:")


@pytest.mark.parametrize(
    "words",
    [
        {"format": "avro"},
        {"format": "protobuf"},
        {"registry": "schemas"},
        {"recreated": "maybe"},
    ],
)
def test_word_that_contradicts_itself_is_refused(words: dict[str, Any]) -> None:
    """A format needs its registry, JSON needs none."""
    with pytest.raises(InvalidDeclarationError):
        Kafka(connection="log", topic="t", **words)
