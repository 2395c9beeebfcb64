"""Seconds to build a dbt project: published in a warm run, by `dbt build`.

Equal: the same project over the same DuckLake in the same PostgreSQL catalog; both run every test,
and the rows made are compared; dbt keeps its partial parse and sends no telemetry; compiled
bytecode. The project is generated (seed 17): each model reads two of the layer before and has three
tests, and no types or keys are written down.
Not equal, on purpose: dbt starts and parses each time, but the platform compiled the project when
it was packaged. Models that do not read each other are published one for each core at a time, as a
run does; dbt builds one at a time, for with more threads dbt-duckdb 1.11 fails in a DuckLake (it
loses its temporary tables). The platform also audits before it shows, fsyncs and writes its ledger.
Run it: `python -m benchmarks.dbt_models`, for another size with `--models 20 --turns 5`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from benchmarks.fixtures.claim import measure
from benchmarks.fixtures.mart_lake import mart_lake

LIMIT = 0.35


def main() -> int:
    """Print both sides' seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, default=400)
    parser.add_argument("--turns", type=int, default=3)
    said = parser.parse_args()
    with mart_lake(said.models) as site:
        figure = measure(
            f"dbt, seconds for {said.models} models with {3 * said.models} tests",
            timed(site.publish_all),
            timed(site.dbt_build),
            limit=LIMIT,
            turns=said.turns,
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
