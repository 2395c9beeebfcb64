"""A column that nobody declared reaches the lake from every kind of source, as its policy says."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pyarrow as pa
import pytest

from tests.watermain.source.brokered import KafkaKind, MqttKind
from tests.watermain.source.kafka.test_protobuf_values import built
from tests.watermain.source.kinds import COLUMNS, Kind, PostgresKind, thing
from tests.watermain.source.registry import Field, Registry, avro, framed, message, proto, record
from tests.watermain.source.web_server import served
from watermain.declare import Column, Contract, Dataset, raw
from watermain.declare.column.drift import Drift
from watermain.declare.errors import DriftError, SourceError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.source.protocol import Shape

NUMBERS = count()
CONTRACT_COLUMNS = tuple(Column(name, pa.string(), "a text") for name in COLUMNS)
VALUES = {"kafka": "1", "mqtt": "1", "rest": "1", "webhook": "1", "postgres": "7"}


def dataset_of(
    source: Any, drift: Drift, columns: tuple[Column, ...] = CONTRACT_COLUMNS
) -> Dataset:
    """A dataset that declares what the source reads."""
    contract = Contract(grain="one row per thing", key=("id",), columns=columns, drift=drift)
    name = f"shop.raw.things_{next(NUMBERS)}"
    return raw(name, source=source.word, contract=contract, owner="team:shop")


def captured(lake: Lake, dataset: Dataset, source: Any) -> None:
    """Capture what waits, as a run does."""
    capture(dataset, Job(lake=lake, find={dataset.name: dataset}.__getitem__), source=source)


def asked(lake: Lake, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with lake.get_connection() as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("drift", ["divert", "evolve", "freeze"])
def test_unknown_column_comes_as_its_policy_says(drift: Drift, kind: Kind, lake: Lake) -> None:
    """Beside its row as text; refused whole by `freeze`, with the source none the wiser."""
    if isinstance(kind, PostgresKind):
        kind.run("alter table public.things alter extra set default 7")
    dataset = dataset_of(kind.open(), drift)
    shape = Shape.of(dataset)
    if drift != "freeze" or isinstance(kind, MqttKind):  # whose broker keeps only for who came
        captured(lake, dataset, kind.open(shape))
    kind.add([thing(1), thing(2)])
    if drift == "freeze":
        with pytest.raises(DriftError, match="`extra`"):
            captured(lake, dataset, kind.open(shape))
        assert asked(lake, f"select count(*) from {table(dataset.name)}") == [(0,)]
        assert asked(lake, f"from {ledger.BATCHES}") == []
        return
    captured(lake, dataset, kind.open(shape))
    column = "extra" if drift == "evolve" else "_extra"
    found = asked(lake, f"select id, {column} from {table(dataset.name)} order by id")
    value = VALUES.get(dataset.source.kind if dataset.source else "", "")
    if dataset.source is not None and dataset.source.kind in ("files", "sftp"):
        value = None if getattr(kind, "format", "") == "csv" else ""
    told = value if drift == "evolve" or value is None else json.dumps({"extra": value})
    assert found == [("1", told), ("2", told)]
    outcome = {"evolve": "evolved", "divert": "diverted"}[drift]
    assert asked(lake, f"select column_name, outcome from {ledger.DRIFT}") == [("extra", outcome)]


@pytest.mark.parametrize("drift", ["divert", "evolve"])
def test_snapshot_brings_columns_that_are_published_unknown(
    drift: Drift, postgres_kind: PostgresKind, lake: Lake
) -> None:
    """What the publication holds goes beyond what the contract knows."""
    kind = postgres_kind
    kind.run("alter table public.things alter extra set default 7")
    kind.add([thing(1)])
    dataset = dataset_of(kind.open(), drift)
    captured(lake, dataset, kind.open(Shape.of(dataset)))
    column = "extra" if drift == "evolve" else "_extra->>'extra'"
    assert asked(lake, f"select {column} from {table(dataset.name)}") == [("7",)]
    assert asked(lake, f"select column_name from {ledger.DRIFT}") == [("extra",)]


def test_column_added_to_a_table_comes_from_the_change_on(
    postgres_kind: PostgresKind, lake: Lake
) -> None:
    """With updates, deletes; one taken away that the contract knows stops the capture."""
    kind = postgres_kind
    kind.run("alter table public.things drop extra")
    kind.add([thing(1), thing(2)])
    dataset = dataset_of(kind.open(), "evolve")
    captured(lake, dataset, kind.open(Shape.of(dataset)))
    kind.run(
        "alter table public.things add gate text",
        "update public.things set gate = 'A1' where id = 1",
        "delete from public.things where id = 1",
    )
    captured(lake, dataset, kind.open(Shape.of(dataset)))
    query = f"select id, _op, gate from {table(dataset.name)} order by _lsn, _seq"
    assert asked(lake, query) == [
        ("1", "r", None), ("2", "r", None), ("1", "u", "A1"), ("1", "d", "A1"),
    ]  # fmt: skip
    kind.run("alter table public.things drop note")
    with pytest.raises(SourceError, match="no column `note`"):
        captured(lake, dataset, kind.open(Shape.of(dataset)))


ID_NOTE = (CONTRACT_COLUMNS[0], CONTRACT_COLUMNS[2])


@pytest.mark.parametrize("drift", ["divert", "evolve", "freeze"])
@pytest.mark.parametrize("format", ["avro", "protobuf"])
def test_field_of_a_newer_schema_comes_as_its_policy_says(
    format: str, drift: Drift, kafka_kind: KafkaKind, lake: Lake
) -> None:
    """Messages of the old schema have none."""
    registry = Registry()
    with served(registry.app) as url:
        source = kafka_kind.open(registry=lambda: url, format=format)
        dataset = dataset_of(source, drift, ID_NOTE)
        kafka_kind.send(*_messages(format, registry))
        opened = kafka_kind.open(Shape.of(dataset), registry=lambda: url, format=format)
        if drift == "freeze":
            with pytest.raises(DriftError, match="`gate`"):
                captured(lake, dataset, opened)
            assert asked(lake, f"from {ledger.BATCHES}") == []
            return
        captured(lake, dataset, opened)
    column = "gate" if drift == "evolve" else "_extra"
    query = f"select id, note, {column} from {table(dataset.name)} order by id"
    told = "B2" if drift == "evolve" else '{"gate": "B2"}'
    assert asked(lake, query) == [("1", "a", None), ("2", "b", told)]


def _messages(format: str, registry: Registry) -> list[bytes]:
    """One of an old schema, one of a newer."""
    if format == "avro":
        old = record(("id", "string"), ("note", "string"))
        new = record(("id", "string"), ("note", "string"), ("gate", "string"))
        return [
            avro(registry.avro(old), old, {"id": "1", "note": "a"}),
            avro(registry.avro(new), new, {"id": "2", "note": "b", "gate": "B2"}),
        ]
    found = []
    for fields, values in (
        (("id", "note"), {"id": "1", "note": "a"}),
        (("id", "note", "gate"), {"id": "2", "note": "b", "gate": "B2"}),
    ):
        file = proto()
        message(file, "Thing", **dict.fromkeys(fields, Field.TYPE_STRING))
        number = registry.protobuf(file)
        found.append(framed(number, b"\0" + built(file)(**values).SerializeToString()))
    return found


def test_fields_of_nested_objects_come_by_their_path(kafka_kind: KafkaKind, lake: Lake) -> None:
    """What a declared path goes by is seen as well; digits are kept."""
    fields = {"note": "at.note"}
    dataset = dataset_of(kafka_kind.open(fields=fields), "evolve", ID_NOTE)
    kafka_kind.send(
        '{"id": "1", "at": {"note": "a", "deep": {"n": 1.10}}, "big": 123456789012345678901.50}'
    )
    captured(lake, dataset, kafka_kind.open(Shape.of(dataset), fields=fields))
    query = f'select id, note, "at.deep", big from {table(dataset.name)}'
    assert asked(lake, query) == [("1", "a", '{"n":1.10}', "123456789012345678901.50")]
