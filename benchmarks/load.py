"""Seconds to load a code location: a thousand declared datasets beside a thousand plain assets.

Equal: a fresh process each, compiled bytecode, the same graph, daily partitions, owners, groups,
four checks for each asset, and an automation condition; all imports count; loaded until Dagster has
resolved the repository's jobs.
Not equal, on purpose: ours reads contracts with typed columns, fingerprints the code, and attaches
the column schema, the retries and the backfill policy. Run it: `python -m benchmarks.load`.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.fixtures.claim import measure

LIMIT = 1.3
TURNS = 5


def seconds(side: str) -> float:
    """Load one side in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.fixtures.thousand", side]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return float(done.stdout)


def main() -> int:
    """Print both sides' seconds."""
    return measure(
        "load, seconds for 1,000 assets",
        lambda: seconds("declared"),
        lambda: seconds("plain"),
        limit=LIMIT,
        turns=TURNS,
    ).tell()


if __name__ == "__main__":
    sys.exit(main())
