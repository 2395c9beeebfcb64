"""The work of a process that is killed while it puts rows aside, replays or discards them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pyarrow as pa

from tests.watermain.engine.feed import Feed, changes
from watermain.declare import Column, Contract, Daily, Dataset, DatasetName, Postgres, between, raw
from watermain.engine.capture.ingest import capture
from watermain.engine.capture.replay import discard, replay_captured
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake

LATE, EARLY = Daily(start=date(2013, 1, 2)), Daily(start=date(2013, 1, 1))
CONTRACT = Contract(
    grain="one row per sale",
    key=("id",),
    event_time="at",
    columns=(
        Column("id", pa.string(), "the sale"),
        Column("at", pa.timestamp("us"), "when"),
        Column("amount", pa.int64(), "how much", unit="cents"),
    ),
)
# Its calendar begins too late for the rows of the first day; `widened` is the mended declaration.
events = raw(
    "shop.raw.events",
    source=Postgres(connection="shop", table="public.events"),
    contract=CONTRACT,
    cadence=LATE,
    owner="team:shop",
)
widened = replace(events, cadence=EARLY)
GIVEN = [{"id": f"s{n}", "at": f"2013-01-0{1 + n % 2} 10:00:00", "amount": n} for n in range(8)]
BROKEN = {"id": "s9", "at": "2013-01-01 11:00:00", "amount": "many"}


def sales(first: int) -> Dataset:
    """Sales of one day, amounts from `first` on; the negative ones go aside."""
    found = pa.Table.from_pylist(
        [{"id": f"s{n}", "at": datetime(2013, 1, 1, 10), "amount": n + first} for n in range(6)],
        schema=CONTRACT.schema,
    )
    return Dataset(
        name=DatasetName("shop", "curated", "sales"),
        contract=CONTRACT,
        owner="team:shop",
        declared="here",
        checks=(between("amount", low=0, severity="quarantine"),),
        cadence=EARLY,
        body=lambda: found,
    )


def perform(verb: str, lake: Lake) -> None:
    """Do one piece of work; each may be done again after a death."""
    job = Job(lake=lake, find={}.__getitem__, rebuild=True)
    if verb == "capture":
        capture(events, job, source=Feed(changes([*GIVEN, BROKEN])))
    elif verb == "replay":
        replay_captured(widened, job)
    elif verb == "discard":
        discard(widened, job, why="the till was broken", by="ann")
    else:
        span = Span(EARLY, "2013-01-01", "2013-01-01")
        publish(sales(int(verb)), span, job).refuse_blocked()


def begin(verb: str) -> None:
    """Do one piece of work in the lake of the settings."""
    perform(verb, Lake.from_settings())
