"""A column that the contract of a captured dataset gained, read before anything is captured."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import ibis
import pyarrow as pa

from tests.watermain.engine.capture.test_lateness import Shards, events
from tests.watermain.engine.feed import Feed
from watermain.declare import Column, Daily, Dataset, dataset
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job, Publication
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake, table

NOTE = Column("note", pa.int32(), "what was noted")
contract = replace(events.contract, columns=(*events.contract.columns, NOTE))
grown = replace(events, contract=contract)


@dataset(
    "shop.curated.notes",
    inputs={"events": "shop.raw.events"},
    contract=replace(
        contract,
        columns=tuple(c for c in contract.columns if c.name in ("id", "at", "note")),
    ),
    cadence=Daily(start=date(2013, 1, 1)),
    owner="team:shop",
)
def notes(events: ibis.Table) -> ibis.Table:
    """Read the notes of a day."""
    return events.select("id", "at", "note")


def job(lake: Lake, source: Dataset) -> Job:
    """Work that knows the reader with the source as it is declared."""
    return Job(lake=lake, find={d.name: d for d in (source, notes)}.__getitem__)


def made(lake: Lake) -> Publication:
    """Publish the reader's day."""
    assert notes.cadence is not None
    done = publish(notes, Span(notes.cadence, "2013-01-02", "2013-01-02"), job(lake, grown))
    done.refuse_blocked()
    return done


def test_column_is_null_until_the_next_capture_adds_it_where_it_stays_null(lake: Lake) -> None:
    """The reader does not wait for a capture, which would change nothing of what it read."""
    given = Shards()
    capture(events, job(lake, events), source=Feed(given.batch("2013-01-02 10:00")))
    assert [o.rows_out for o in made(lake).outcomes] == [1]
    with lake.get_connection() as connection:
        rows = connection.execute(f"select note from {table(notes.name)}").fetchall()
        kind = connection.execute(f"select typeof(note) from {table(notes.name)}").fetchall()
    assert (rows, kind) == ([(None,)], [("INTEGER",)])
    batch = given.batch("2013-01-03 10:00")
    batch = replace(batch, rows=batch.rows.append_column("note", pa.array(["7"])))
    capture(grown, job(lake, grown), source=Feed(batch))
    with lake.get_connection() as connection:
        stored = connection.execute(f"select note from {table(grown.name)} order by id").fetchall()
    assert stored == [(None,), (7,)]
    assert [o.published for o in made(lake).outcomes] == [False]
