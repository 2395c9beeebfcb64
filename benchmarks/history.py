"""A capture into a lake that has 1,000 or 10,000 batches beside one into a lake that has 100.

Equal: the process, the server, the dataset, the size of a batch, and the whole of `capture`:
lease, ledger's positions, typing, audit, one commit and one data file. Only the history differs;
each turn adds one batch to both. No maintenance has run: what a lake gains is what its catalog
keeps.
Not equal, on purpose: nothing. Run it: `python -m benchmarks.history`, with `--small` for 1,000
batches alone.
"""

from __future__ import annotations

import sys
import time

import pyarrow as pa

from benchmarks.fixtures.claim import measure
from benchmarks.fixtures.shop import Made, Shop, bookings, shop
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job

LIMIT = 1.2
TURNS = 21
BATCH = 1_000
YOUNG, GROWN, OLD = 100, 1_000, 10_000
AT_ONCE = 100


def _rows_of(number: int) -> tuple[pa.Array, pa.Array]:
    """New keys that are all of one day."""
    return pa.array(range(number * BATCH, (number + 1) * BATCH)), pa.repeat("05", BATCH)


def _grow(job: Job, batches: int) -> None:
    """Capture batches for real."""
    began = time.monotonic()
    for _ in range(batches // AT_ONCE):
        capture(bookings, job, source=Made(_rows_of, AT_ONCE))
    print(f"  {batches} batches captured in {time.monotonic() - began:.0f} s")


def seconds(job: Job) -> float:
    """Capture one batch more."""
    began = time.monotonic()
    capture(bookings, job, source=Made(_rows_of))
    return time.monotonic() - began


def figures(place: Shop, sizes: tuple[int, ...]) -> int:
    """Measure a lake at each size beside a young one."""
    missed, grown = 0, 0
    young, old = place.job("young"), place.job("old")
    _grow(young, YOUNG)
    for size in sizes:
        _grow(old, size - grown)
        grown = size
        missed |= measure(
            f"capture of one batch of {BATCH} rows behind {size:,} beside {YOUNG}, seconds",
            lambda: seconds(old),
            lambda: seconds(young),
            limit=LIMIT,
            turns=TURNS,
        ).tell()
    return missed


def main() -> int:
    """Print each size."""
    with shop() as place:
        return figures(place, (GROWN,) if "--small" in sys.argv else (GROWN, OLD))


if __name__ == "__main__":
    sys.exit(main())
