"""Seconds to build twenty dbt models with sixty tests: published in a warm run, by `dbt build`.

Equal: the same project over the same DuckLake in the same PostgreSQL catalog, with two engine
threads; both run every test, and the rows made are compared; dbt keeps its partial parse and sends
no telemetry; compiled bytecode.
Not equal, on purpose: dbt starts and parses each time, but the platform compiled the project when
it was packaged. Models that do not read each other are published one for each core at a time, as a
run does; dbt builds one at a time, for with more threads dbt-duckdb 1.11 fails in a DuckLake (it
loses its temporary tables). The platform also audits before it shows, fsyncs and writes its ledger.
Run it: `python -m benchmarks.dbt_models`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from benchmarks.fixtures.claim import measure
from benchmarks.fixtures.mart_lake import mart_lake

LIMIT = 0.4
TURNS = 5


def main() -> int:
    """Print both sides' seconds."""
    with mart_lake() as site:
        figure = measure(
            "dbt, seconds for 20 models with 60 tests",
            timed(site.publish_all),
            timed(site.dbt_build),
            limit=LIMIT,
            turns=TURNS,
        )
        site.compare()
    return figure.tell()


def timed(work: Callable[[], None]) -> Callable[[], float]:
    """A call that tells how many seconds the work took."""

    def seconds() -> float:
        began = time.monotonic()
        work()
        return time.monotonic() - began

    return seconds


if __name__ == "__main__":
    sys.exit(main())
