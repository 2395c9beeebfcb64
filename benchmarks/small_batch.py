"""A small capture, a small publish with their rows in files, beside the same in the catalog.

Equal: the process, the server, the datasets, and the whole of `capture` and `publish`; the peer's
tables alone are told to keep up to 500 rows in the catalog, as lakes did before. Not equal, on
purpose: ours writes a file and flushes it to disk. The last figure tells how many files a day of
one-minute batches leaves. Run it: `python -m benchmarks.small_batch`, with `--day` for that too.
"""

from __future__ import annotations

import json
import sys
import time

import pyarrow as pa

from benchmarks.fixtures.claim import measure
from benchmarks.fixtures.shop import CADENCE, Made, Shop, bookings, shop, standing
from watermain.declare import Dataset
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span

LIMIT = 1.2
TURNS = 41
MINUTES, MOST_FILES = 24 * 60, 50


def _one(number: int) -> tuple[pa.Array, pa.Array]:
    return pa.array([number]), pa.array(["05"])


def captured(job: Job) -> float:
    """Capture one row."""
    began = time.monotonic()
    capture(bookings, job, source=Made(_one))
    return time.monotonic() - began


def published(job: Job) -> float:
    """Publish the one day that has rows."""
    began = time.monotonic()
    publish(standing, Span(CADENCE, "2013-01-05", "2013-01-05"), job)
    return time.monotonic() - began


def inline(job: Job, dataset: Dataset) -> None:
    """Let the catalog keep rows of a table."""
    with job.lake.get_connection() as connection:
        connection.execute(
            "call lake.set_option('data_inlining_row_limit', 500, schema => ?, table_name => ?)",
            [dataset.name.schema, dataset.name.table],
        )


def day(job: Job) -> int:
    """Capture a day of one-minute batches; tell how many files its table is left with."""
    began = time.monotonic()
    for _ in range(MINUTES):
        capture(bookings, job, source=Made(_one))
    with job.lake.get_connection() as connection:
        row = connection.execute(
            "select count(*) from ducklake_list_files('lake', ?, schema => ?)",
            [bookings.name.table, bookings.name.schema],
        ).fetchone()
    files = int(row[0]) if row else 0
    told = {"files": files, "most": MOST_FILES, "seconds": round(time.monotonic() - began, 1)}
    print(json.dumps({"claim": f"files after {MINUTES} one-minute batches", **told}), flush=True)
    return int(files > MOST_FILES)


def figures(place: Shop) -> int:
    """Measure a capture and a publish in turns."""
    ours, peer = place.job("files"), place.job("catalog")
    for job in (ours, peer):
        captured(job), published(job)
    for dataset in (bookings, standing):
        inline(peer, dataset)
    missed = 0
    for claim, work in (("capture of one row", captured), ("publish of one small day", published)):
        missed |= measure(
            f"{claim} into a file beside the catalog, seconds",
            lambda work=work: work(ours),
            lambda work=work: work(peer),
            limit=LIMIT,
            turns=TURNS,
        ).tell()
    return missed


def main() -> int:
    """Print each figure."""
    with shop() as place:
        missed = figures(place)
        return missed | day(place.job("day")) if "--day" in sys.argv else missed


if __name__ == "__main__":
    sys.exit(main())
