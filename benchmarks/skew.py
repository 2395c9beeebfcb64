"""A batch of which one key has nine rows in ten beside one whose keys all differ.

Equal: the rows of a batch, their days, the datasets and the audits; each side captures into a lake
of its own and then publishes the latest state of every key of its days from all that raw holds.
Not equal, on purpose: the keys, and hence the rows that the latest state has: ten times fewer.
Run it: `python -m benchmarks.skew`.
"""

from __future__ import annotations

import sys
import time

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.fixtures.claim import Figure, measure
from benchmarks.fixtures.shop import CADENCE, Made, Shop, bookings, shop, standing
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span

LIMIT = 1.5
TURNS = 5
BATCH = 500_000
DAYS = 10
SPAN = Span(CADENCE, "2013-01-01", f"2013-01-{DAYS}")


def _even(number: int) -> tuple[pa.Array, pa.Array]:
    """Every key once in a batch, and a tenth of them on each day."""
    keys = pa.array(range(BATCH))
    days = pa.array([f"{day:02}" for day in range(1, DAYS + 1)])
    return keys, days.take(pa.array([number % DAYS for number in range(BATCH)]))


def _skewed(number: int) -> tuple[pa.Array, pa.Array]:
    """The same, but key 0 has the rows of nine keys in ten, and its day has nine rows in ten."""
    keys, days = _even(number)
    rare = pc.greater_equal(keys, BATCH * 9 // 10)
    return pc.if_else(rare, keys, 0), pc.if_else(rare, days, "01")


class Side:
    """One way to spread rows over keys, and its lake."""

    def __init__(self, place: Shop, name: str, rows_of: object) -> None:
        self.job: Job = place.job(name)
        self.rows_of = rows_of

    def capture(self) -> float:
        """Seconds to capture one batch more."""
        source = Made(self.rows_of)  # type: ignore[arg-type]
        began = time.monotonic()
        capture(bookings, self.job, source=source)
        return time.monotonic() - began

    def publish(self) -> float:
        """Seconds to publish the latest states."""
        began = time.monotonic()
        publish(standing, SPAN, self.job).refuse_blocked()
        return time.monotonic() - began


def figures(place: Shop) -> list[Figure]:
    """Measure the capture of a batch, and then the publish of what was captured."""
    skewed, even = Side(place, "skewed", _skewed), Side(place, "even", _even)
    return [
        measure(
            f"capture of {BATCH:,} rows, one key with 90 %, beside even keys, seconds",
            skewed.capture,
            even.capture,
            limit=LIMIT,
            turns=TURNS,
        ),
        measure(
            f"publish of the latest state of {BATCH * (TURNS + 1):,} rows so spread, seconds",
            skewed.publish,
            even.publish,
            limit=LIMIT,
            turns=TURNS,
        ),
    ]


def main() -> int:
    """Print both figures."""
    with shop() as place:
        return max([figure.tell() for figure in figures(place)])


if __name__ == "__main__":
    sys.exit(main())
