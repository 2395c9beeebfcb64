"""The year's curated flights published by the platform beside the same SQL straight in DuckDB.

Equal: the lake, the raw rows, the SQL of the body, a connection opened by the same function, an
empty target table of the same columns with the same storage partitions, one transaction and a warm
process. Both tables are made, and the peer's SQL is compiled, before the clock starts.
Not equal, on purpose: ours also takes the lease, pins a snapshot, decides what is stale, deletes
the window, audits every check in every partition, flushes files to disk, keeps their checksums, and
writes 365 ledger rows. A rebuild that is asked for proves the bytes of its inputs too, but this one
does not.
Run it: `python -m benchmarks.publish`, with `--large` for 20 million rows alone or `--small` for
the year alone.
"""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.fixtures.claim import Figure, measure
from benchmarks.fixtures.year import FLIGHTS, Year, year, year_span
from platform_assets.operations import curated, raw
from watermain.engine.publish.publish import publish
from watermain.engine.table.body import staged_sql
from watermain.engine.table.partition import layout
from watermain.engine.table.table import ensure_table
from watermain.lake import ledger
from watermain.lake.lake import table

OURS = table(curated.flights.name)
PEER = 'lake."peer"."flights"'
VIEW = (
    f"create temp view input_changes as select * from {table(raw.flights.name)}"
    f" where {year_span().filter(raw.flights.contract)}"
)
LARGE_COPIES = 60  # 20,206,560 rows


def _make_tables(place: Year) -> None:
    """Make both targets anew; the files of the turn before are no longer wanted."""
    for schema in (curated.flights.name.schema, "peer"):
        shutil.rmtree(Path(place.lake.folder) / schema / "flights", ignore_errors=True)
    dataset, cadence = curated.flights, curated.flights.cadence
    assert cadence is not None
    with (
        place.lake.fence.lease(str(dataset.name)) as lease,
        place.lake.get_connection() as connection,
    ):
        connection.execute("create schema if not exists lake.peer")
        connection.execute(f"create schema if not exists lake.{dataset.name.schema}")
        for target in (OURS, PEER):
            connection.execute(f"drop table if exists {target}")
        connection.execute(f"delete from {ledger.PUBLISHES} where dataset = ?", [str(dataset.name)])
        ensure_table(place.lake, connection, dataset, lease)
        cut = layout(cadence, str(dataset.contract.event_time))
        connection.execute(f"create table {PEER} as from {OURS} limit 0")
        connection.execute(f"alter table {PEER} set partitioned by ({cut})")


def ours(place: Year, rows: int) -> float:
    """Seconds of a publish."""
    _make_tables(place)
    began = time.monotonic()
    done = publish(curated.flights, year_span(), replace(place.job, rebuild=False))
    seconds = time.monotonic() - began
    assert sum(o.rows_out for o in done.outcomes if o.published) == rows
    return seconds


def peer(place: Year, rows: int) -> float:
    """Seconds of the same SQL without the platform."""
    _make_tables(place)
    with place.lake.get_connection() as connection:
        connection.execute(VIEW)
        sql = staged_sql(connection, curated.flights, {"changes": "input_changes"})
    began = time.monotonic()
    with place.lake.get_connection() as connection:
        connection.execute(VIEW)
        connection.execute("begin")
        found = connection.execute(f"insert into {PEER} {sql}").fetchone()
        connection.execute("commit")
    assert found == (rows,)
    return time.monotonic() - began


def figure(copies: int, limit: float, turns: int) -> Figure:
    """Measure one size."""
    rows = copies * FLIGHTS
    with year(copies) as place:
        return measure(
            f"publish of a year, {rows:,} rows, seconds",
            lambda: ours(place, rows),
            lambda: peer(place, rows),
            limit=limit,
            turns=turns,
        )


def main() -> int:
    """Print both sizes."""
    missed = 0
    if "--large" not in sys.argv:
        missed |= figure(1, limit=1.3, turns=7).tell()
    if "--small" not in sys.argv:
        missed |= figure(LARGE_COPIES, limit=1.15, turns=3).tell()
    return missed


if __name__ == "__main__":
    sys.exit(main())
