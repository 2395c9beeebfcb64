"""A planner's looks at very many partitions, two of them beside Dagster's automation.

The first two figures are seconds at 1,000 datasets of 5,000 days each: a look when nothing changed,
and the time from one late row in the ledger to the requests for its day of the nine datasets behind
it. Their peers are their limits.
The third is CPU: a look of ours and an evaluation by Dagster of the same datasets, both with
nothing new, both in this process. Dagster's side has `AutomationCondition.eager()` on each asset,
an instance in memory, and has evaluated once before. Equal: the graph and the calendar. Not equal,
on purpose: ours asks the catalog's PostgreSQL, and Dagster's side nobody outside.
Run it: `python -m benchmarks.planner`, with `--small` for a tenth of the datasets.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from benchmarks.fixtures.claim import Figure
from benchmarks.fixtures.crowd import LENGTH, come, crowd, fill
from watermain.clock import Clock
from watermain.declare import Dataset
from watermain.engine.plan.planner import PlanCursor, Planner
from watermain.engine.plan.survey import Around
from watermain.lake.lake import Lake
from watermain.orchestrate.policy import partitions
from watermain.process.postgres import EmbeddedPostgres

DATASETS, DAYS = 1_000, 5_000
COMPARED = 100
TURNS = 21
QUIET_SECONDS, LATE_SECONDS, SHARE = 0.05, 10.0, 0.05
DAY = "2015-06-01"


def _median(look: Callable[[], object], clock: Callable[[], float]) -> float:
    """What one look takes."""
    took = []
    for _ in range(TURNS):
        began = clock()
        look()
        took.append(clock() - began)
    return statistics.median(took)


def _around() -> Around:
    return Around(now=Clock().now() + timedelta(hours=1))


def planned(lake: Lake, datasets: int) -> int:
    """Seconds of quiet looks, and of the look that finds a late row."""
    known = crowd(datasets)
    planner = Planner.of(known, "crowd", lambda _: False)
    with lake.get_connection() as connection:
        now = PlanCursor(snapshot=lake.snapshot(connection), code=planner.code)
    quiet = _median(lambda: planner.look(lake, now, _around, Clock().now()), time.perf_counter)
    first = next(iter(known))
    began = time.perf_counter()
    come(lake, first, DAY)
    found = planner.look(lake, now, _around, Clock().now() + timedelta(hours=1))
    late = time.perf_counter() - began
    asked = {name for r in found.requests for name, _ in r.wanted}
    assert len(asked) == LENGTH - 1, asked
    of = f"{datasets:,} datasets of {DAYS:,} days"
    missed = Figure(f"a planner's look, nothing changed, {of}, seconds", quiet, QUIET_SECONDS, 1)
    other = Figure(f"one late row to its requests, {of}, seconds", late, LATE_SECONDS, 1)
    return missed.tell() | other.tell()


def compared(lake: Lake) -> int:
    """CPU of a quiet look beside that of a quiet evaluation by Dagster."""
    known = crowd(COMPARED)
    planner = Planner.of(known, "crowd", lambda _: False)
    with lake.get_connection() as connection:
        now = PlanCursor(snapshot=lake.snapshot(connection), code=planner.code)
    ours = _median(lambda: planner.look(lake, now, _around, Clock().now()), time.process_time)
    definitions = dg.Definitions(assets=[_asset(d) for d in known.values()])
    with dg.instance_for_test() as instance:
        cursor = dg.evaluate_automation_conditions(definitions, instance).cursor

        def evaluated() -> None:
            dg.evaluate_automation_conditions(definitions, instance, cursor=cursor)

        theirs = _median(evaluated, time.process_time)
    claim = f"CPU of a quiet look beside Dagster's automation, {COMPARED} datasets, seconds"
    return Figure(claim, ours, theirs, SHARE).tell()


def _asset(dataset: Dataset) -> dg.AssetsDefinition:
    """The same dataset as an asset that Dagster's own automation drives."""

    @dg.asset(
        key=dg.AssetKey(dataset.name.key),
        deps=[dg.AssetKey(n.key) for n in dataset.upstream],
        partitions_def=partitions(dataset.cadence) if dataset.cadence else None,
        automation_condition=dg.AutomationCondition.eager() if dataset.is_computed else None,
    )
    def made() -> None:
        """Do nothing."""

    return made


def main() -> int:
    """Print the figures."""
    datasets = DATASETS // (10 if "--small" in sys.argv else 1)
    with TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        server.start()
        try:
            server.ensure_database("lake")
            lake = Lake(catalog=server.dsn("lake"), folder=f"{folder}/lake/")
            fill(lake, datasets, DAYS)
            return planned(lake, datasets) | compared(lake)
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
