"""The books of the catalog say what counting says."""

from __future__ import annotations

from tests.watermain.engine.publish.test_publish import KNOWN, sales
from tests.watermain.orchestrate.test_asset import stocked
from watermain.declare.name import DatasetName
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake, table
from watermain.lake.rest.census import row_counts

__all__ = ["stocked"]
LEDGER = ("publishes", "batches", "quarantine", "checksums")


def test_books_agree_with_counting(stocked: Lake) -> None:
    """Of tables with files, with deleted rows, and with rows that the catalog holds itself."""
    job = Job(lake=stocked, find=KNOWN.__getitem__, run_id="a-run")
    assert sales.cadence is not None
    publish(sales, Span(sales.cadence, "2013-01-01", "2013-01-03"), job)
    names = [sales.name, *sales.inputs.values(), *(DatasetName("upkeep", "raw", t) for t in LEDGER)]
    never = DatasetName("shop", "curated", "never")
    with stocked.get_connection() as connection:
        raw = table(sales.inputs["events"]) if "events" in sales.inputs else None
        connection.execute(f"delete from {raw or table(sales.name)} where rowid = 0")
        told = row_counts(stocked, connection, [*names, never])
        counted = {
            n: connection.execute(f"select count(*) from {table(n)}").fetchall()[0][0]
            for n in names
        }
    assert told == counted
    assert told[sales.name] > 0
    assert told[DatasetName("upkeep", "raw", "publishes")] > 0
