"""The long campaign of kills, whose results go to docs/faults.md."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from resources.postgres import EmbeddedPostgres
from tests.faults.campaign import Tally, campaign

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
MARK = "## The latest campaign\n"


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign; 0 when the oracle found nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="how many kills")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--page", type=Path, default=PAGE, help="where the results are written")
    asked = parser.parse_args(arguments)
    print(f"seed {asked.seed}, {asked.runs} kills", flush=True)  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="watermain-faults-") as name:
        server = EmbeddedPostgres(
            Path(name) / "server", settings={"wal_level": "logical", "max_connections": "200"}
        )
        server.start()
        try:
            tally = campaign(server, Path(name), kills=asked.runs, seed=asked.seed)
        finally:
            server.stop()
    print(tally, *tally.problems, sep="\n")  # noqa: T201
    _write(asked.page, tally)
    return 1 if tally.problems else 0


def _write(page: Path, tally: Tally) -> None:
    """Replace the page's results by these."""
    text = page.read_text() if page.exists() else ""
    page.write_text(text.partition(MARK)[0] + MARK + results(tally, datetime.now(UTC)))


def results(tally: Tally, at: datetime) -> str:
    """The results as a section of the page."""
    kills = tally.kills.total()
    lines = [
        "",
        f"{at:%Y-%m-%d}, seed {tally.seed}, {tally.seconds:.0f} seconds. {kills} kills,"
        f" {tally.changes} changes written at the source, {tally.files} data files checked;"
        f" {len(tally.problems)} problems found. {tally.survived} further runs ended before"
        " their failpoint was reached.",
        "",
        "| killed in | kills |",
        "|---|---|",
        *(f"| {place} | {n} |" for place, n in sorted(tally.kills.items())),
        "",
    ]
    if tally.problems:
        lines += ["```text", *tally.problems, "```", ""]
    elif kills:
        lines += [
            f"{kills} kills without a problem bound the failure rate near 3/{kills}"
            f" = {300 / kills:.1f} % (with 95 % confidence).",
            "",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
