"""The datasets that the fault tests capture, compute, publish."""

from __future__ import annotations

from datetime import date

import ibis
import pyarrow as pa

from platform_assets.build.partition import Span
from platform_assets.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    DatasetName,
    Kafka,
    Mqtt,
    Postgres,
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
KNOWN: dict[DatasetName, Dataset] = {d.name: d for d in (steps, moves, signals, pieces, *twins)}
