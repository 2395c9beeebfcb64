"""Seconds to load a dbt project into Dagster: as datasets beside dagster-dbt's `@dbt_assets`.

Equal: a fresh process each, compiled bytecode, the same generated project of 400 models with 1,200
tests, a manifest that was made before; all imports count; loaded until Dagster has resolved the
repository's jobs.
Not equal, on purpose: ours describes the SQL of each model whose columns nobody wrote down, to
know their types. Run it: `python -m benchmarks.dbt_load`, for another size with `--models 20`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fixtures.claim import measure
from benchmarks.fixtures.mart_lake import company
from benchmarks.fixtures.peer import beside

LIMIT = 1.3


def seconds(side: str, folder: Path, peer: Path) -> float:
    """Load one side in a process of its own, which finds the peer beside our environment."""
    words = [sys.executable, "-m", "benchmarks.fixtures.dbt_location", side, str(folder)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(peer),
        "WATERMAIN_PROJECT": str(folder / "company"),
        "WATERMAIN_DATA_DIR": str(folder / "data"),
    }
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return float(done.stdout.split()[-1]) if done.stdout else 0.0


def main() -> int:
    """Print both sides' seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, default=400)
    parser.add_argument("--turns", type=int, default=3)
    said = parser.parse_args()
    peer = beside("dagster_dbt")
    with TemporaryDirectory(prefix="watermain-bench-") as name:
        folder = Path(name)
        company(folder, said.models)
        for side in ("declared", "plain"):
            seconds(f"prepare-{side}", folder, peer)
        return measure(
            f"dbt, seconds to load {said.models} models with {3 * said.models} tests into Dagster",
            lambda: seconds("declared", folder, peer),
            lambda: seconds("plain", folder, peer),
            limit=LIMIT,
            turns=said.turns,
        ).tell()


if __name__ == "__main__":
    sys.exit(main())
