"""The datasets that the fault tests capture, compute, publish."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import ibis
import pyarrow as pa

from platform_assets.build.partition import Span
from platform_assets.declare import (
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
readings = raw(
    "factory.raw.readings",
    source=Rest(
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
    ),
    contract=CONTRACT,
    cadence=DAYS,
    owner="team:factory",
)

calls = raw(
    "factory.raw.calls",
    source=Webhook(path="/hooks/calls", secret="env:FACTORY_SECRET"),
    contract=CONTRACT,
    cadence=DAYS,
    owner="team:factory",
)
RAW = (steps, moves, signals, drops, readings, calls)


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
KNOWN: dict[DatasetName, Dataset] = {d.name: d for d in (*RAW, pieces, *twins)}
