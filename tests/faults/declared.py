"""The datasets that the fault tests capture, compute, publish."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import ibis
import pyarrow as pa

from watermain.declare import (
    ByCursor,
    Column,
    Contract,
    Daily,
    Dataset,
    DatasetName,
    Files,
    Increment,
    Kafka,
    Mqtt,
    Postgres,
    Rest,
    Webhook,
    dataset,
    latest_per_key,
    raw,
)
from watermain.declare.outside.source import Source
from watermain.engine.table.partition import Span

DAYS = Daily(start=date(2013, 1, 1))
FIRST, LAST = "2013-01-01", "2013-01-03"
SPAN = Span(DAYS, FIRST, LAST)
CONNECTION = "factory"
SOURCE_TABLE = "public.steps"
COLUMNS = (
    Column("id", pa.string(), "the piece"),
    Column("shard", pa.int32(), "the line it is made on"),
    Column("seq", pa.int64(), "dense number of the step on its line"),
    Column("at", pa.timestamp("us"), "when"),
    Column("amount", pa.int64(), "how many; the source holds text that may be no number"),
)
CONTRACT = Contract(grain="one row per piece", key=("id",), event_time="at", columns=COLUMNS)

steps = raw(
    "factory.raw.steps",
    source=Postgres(connection=CONNECTION, table=SOURCE_TABLE),
    contract=CONTRACT,
    cadence=DAYS,
    owner="team:factory",
)

MESSAGES = "messages"
moves = raw(
    "factory.raw.moves",
    source=Kafka(connection=MESSAGES, topic="moves", fields={"amount": "load.amount"}),
    contract=CONTRACT,
    cadence=DAYS,
    owner="team:factory",
)

STATIONS = "stations"
signals = raw(
    "factory.raw.signals",
    source=Mqtt(connection=STATIONS, topic="line/#", device="shard", sequence="seq", in_flight=40),
    contract=CONTRACT,
    cadence=DAYS,
    owner="team:factory",
)

DROP = "drop"
drops = raw(
    "factory.raw.drops",
    source=Files(connection=DROP, pattern="steps-*.csv", format="csv"),
    contract=CONTRACT,
    cadence=DAYS,
    owner="team:factory",
)

API = "api"
_READINGS = Rest(
    connection=API,
    path="/things",
    records="data.items",
    pages=ByCursor(next="meta.next"),
    total="meta.total",
    rate=1000.0,
    window=Increment(
        since="since",
        until="until",
        start=datetime(2013, 1, 1, tzinfo=UTC),
        every=timedelta(hours=1),
        overlap=timedelta(hours=3),
    ),
)
readings = raw(
    "factory.raw.readings",
    source=_READINGS,
    contract=CONTRACT,
    cadence=DAYS,
    owner="team:factory",
)

calls = raw(
    "factory.raw.calls",
    source=Webhook(path="/hooks/calls", scheme="watermain", secret="env:FACTORY_SECRET"),
    contract=CONTRACT,
    cadence=DAYS,
    owner="team:factory",
)
RAW = (steps, moves, signals, drops, readings, calls)

VALUE_COLUMNS = (
    Column("id", pa.string(), "the value"),
    Column("shard", pa.int32(), "the line that tells of it"),
    Column("seq", pa.int64(), "its number on the line"),
    Column("whole", pa.int64(), "a whole number"),
    Column("small", pa.int32(), "a small whole number"),
    Column("exact", pa.decimal128(38, 18), "a decimal number"),
    Column("wide", pa.decimal128(38, 0), "a number of many digits"),
    Column("ratio", pa.float64(), "a binary number"),
    Column("said", pa.string(), "text"),
    Column("flag", pa.bool_(), "yes or no"),
    Column("day", pa.date32(), "a day"),
    Column("at", pa.timestamp("us"), "a local time"),
    Column("moment", pa.timestamp("us", "UTC"), "an instant"),
)
VALUE_SOURCES: dict[str, Source] = {
    "postgres": Postgres(connection=CONNECTION, table="public.values"),
    "files": Files(connection=DROP, pattern="values.csv", format="csv"),
    "kafka": Kafka(connection=MESSAGES, topic="values"),
    "mqtt": Mqtt(connection=STATIONS, topic="values/#", device="shard", sequence="seq"),
    "rest": _READINGS,
    "webhook": Webhook(
        path="/hooks/values", scheme="watermain", secret="env:FACTORY_SECRET", max_bytes=32 * 2**20
    ),
}
values = {
    kind: raw(
        f"factory.raw.values_{kind}",
        source=source,
        contract=Contract(grain="one row per value", key=("id",), columns=VALUE_COLUMNS),
        owner="team:factory",
    )
    for kind, source in VALUE_SOURCES.items()
}


def _latest(steps: ibis.Table) -> ibis.Table:
    """Keep the latest state of each piece."""
    return latest_per_key(steps, "id")


def _curated(name: str) -> Dataset:
    made: Dataset = dataset(
        name,
        inputs={"steps": "factory.raw.steps"},
        contract=CONTRACT,
        cadence=DAYS,
        owner="team:factory",
    )(_latest)
    return made


pieces = _curated("factory.curated.pieces")
twins = tuple(_curated(f"factory.curated.pieces_{n}") for n in range(10))
KNOWN: dict[DatasetName, Dataset] = {d.name: d for d in (*RAW, *values.values(), pieces, *twins)}
