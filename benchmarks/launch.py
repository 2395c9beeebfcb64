"""Seconds from a run's submission to RUN_START: the warm launcher beside Dagster's default one.

Equal: the same one-asset job, executed in the run worker; the same PostgreSQL server; a code
location that is already loaded; compiled bytecode; no run queue on either side, which would add
the same wait to both, so that the launchers alone are compared.
Not equal, on purpose: the default launcher starts a Python that imports Dagster and the job, but
ours forks a process that has done so. Run it: `python -m benchmarks.launch`.
"""

from __future__ import annotations

import sys

from benchmarks.fixtures.claim import measure
from benchmarks.fixtures.site import two_sites

LIMIT = 0.4
TURNS = 7


def main() -> int:
    """Print both sides' seconds until a run starts."""
    with two_sites() as (ours, plain):
        figure = measure(
            "launch, seconds from submission to RUN_START",
            lambda: ours.run("single").to_start,
            lambda: plain.run("single").to_start,
            limit=LIMIT,
            turns=TURNS,
        )
    return figure.tell()


if __name__ == "__main__":
    sys.exit(main())
