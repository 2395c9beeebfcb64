"""Seconds per asset of a run of twenty assets: forked steps beside Dagster's multiprocess default.

Equal: the same twenty assets without work; the same PostgreSQL server; two steps at a time or as
many as there are cores; a process per step, and so the same isolation of a crash; each run in a run
worker started by that side's launcher; compiled bytecode; both capture the output of every step.
Timed from RUN_START to the end of the run, so that the launch counts for neither.
Not equal, on purpose: ours forks the step, keeps one connection to PostgreSQL, and writes the
captured output straight to its file.
Run it: `python -m benchmarks.steps`.
"""

from __future__ import annotations

import sys

from benchmarks.fixtures.claim import measure
from benchmarks.fixtures.jobs import COUNT
from benchmarks.fixtures.site import two_sites

LIMIT = 0.15
TURNS = 3


def main() -> int:
    """Print both sides' seconds per asset."""
    with two_sites() as (ours, plain):
        figure = measure(
            "step overhead, seconds per asset of a 20-asset run",
            lambda: ours.run("forked").running / COUNT,
            lambda: plain.run("multiprocess").running / COUNT,
            limit=LIMIT,
            turns=TURNS,
        )
    return figure.tell()


if __name__ == "__main__":
    sys.exit(main())
