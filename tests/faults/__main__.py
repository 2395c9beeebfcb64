"""The long campaigns of faults, whose results go to docs/faults.md."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.faults import page
from tests.faults.campaigns import CAMPAIGNS
from tests.faults.outcome import Bench, Outcome
from tests.faults.outside import Systems
from watermain.process.postgres import EmbeddedPostgres

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
SETTINGS = {
    "wal_level": "logical",
    "max_connections": "200",
    "max_replication_slots": "50",
    "max_wal_senders": "50",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the campaigns asked for; 0 when none of them found a problem."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default="", help=f"some of {', '.join(CAMPAIGNS)}, by comma")
    parser.add_argument("--runs", type=int, help="how many cases of each, not its own count")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--page", type=Path, default=PAGE, help="where the results are written")
    asked = parser.parse_args(arguments)
    names = asked.only.split(",") if asked.only else list(CAMPAIGNS)
    if unknown := sorted(set(names) - set(CAMPAIGNS)):
        parser.error(f"no campaign {', '.join(unknown)}; there are {', '.join(CAMPAIGNS)}")
    wrong = [name for name in names if _ran(name, asked).problems]
    _say(f"problems in: {', '.join(wrong)}" if wrong else "no problems")
    return 1 if wrong else 0


def _ran(name: str, asked: argparse.Namespace) -> Outcome:
    """Run one campaign on servers of its own, write down what it found."""
    count, began = asked.runs or CAMPAIGNS[name].count, time.monotonic()
    _say(f"{name}: seed {asked.seed}, {count} cases")
    with tempfile.TemporaryDirectory(prefix="watermain-faults-") as folder:
        server = EmbeddedPostgres(Path(folder) / "server", settings=SETTINGS)
        server.start()
        try:
            with Systems(server, Path(folder)) as systems:
                bench = Bench(systems, Path(folder))
                outcome = CAMPAIGNS[name].run(bench, count, asked.seed)
        finally:
            server.stop()
    if outcome.left_out:
        _say(f"{name}: left out, {outcome.left_out}")
        return outcome
    seconds = round(time.monotonic() - began, 1)
    _say(f"{name}: {outcome.count} cases in {seconds} s, {len(outcome.problems)} problems")
    for what, figure in outcome.figures.items():
        _say(f"  {what}: {figure}")
    for problem in outcome.problems:
        _say(f"  PROBLEM {problem}")
    results = asked.page.with_suffix(".json")
    at = f"{datetime.now(UTC):%Y-%m-%d}"
    page.record(results, name, outcome, at=at, seed=asked.seed, seconds=seconds)
    page.write(asked.page, results)
    return outcome


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
