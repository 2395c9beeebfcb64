"""Seconds from one changed model to its published rows, in a project of 400 models.

The peer is no tool but what is asked: five seconds, which is about what dbt alone takes to start
and parse. What is measured is a save as the platform sees it: the project is compiled, the team's
datasets are declared, and the one that changed is published.
Run it: `python -m benchmarks.dbt_change`, for another size with `--models 20`.
"""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks.fixtures.claim import measure
from benchmarks.fixtures.mart_lake import TEAM, MartLake, mart_lake
from watermain.declare import DatasetName
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish

ASKED = 5.0


def main() -> int:
    """Print the seconds beside those that are asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, default=400)
    parser.add_argument("--turns", type=int, default=3)
    said = parser.parse_args()
    with mart_lake(said.models) as site:
        site.publish_all()
        return measure(
            f"dbt, seconds from one changed model of {said.models} to its rows",
            lambda: changed(site),
            lambda: ASKED,
            limit=1.0,
            turns=said.turns,
        ).tell()


def changed(site: MartLake) -> float:
    """Change the first model to one that was never compiled, and publish it."""
    from watermain.dbt.dbt import prepare_manifest
    from watermain.engine.mart.mart import marts

    path = site.project / "models" / "fct_000.sql"
    text = path.read_text()
    path.write_text(text.replace("count(*)", "count(*) + 1 - 1", 1))
    began = time.monotonic()
    known = {d.name: d for d in marts(TEAM, prepare_manifest())}
    done = publish(
        known[DatasetName(TEAM, "marts", "fct_000")],
        None,
        Job(lake=site.lake, find=known.__getitem__),
    )
    taken = time.monotonic() - began
    done.refuse_blocked()
    return taken


if __name__ == "__main__":
    sys.exit(main())
