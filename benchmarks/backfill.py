"""The cost per day of a backfill of 365 days in one run beside runs of one day each.

Equal: the asset of `operations.curated.flights`, the raw year, one Dagster instance on PostgreSQL,
Dagster's own in-process run in a warm process, every day computed anew, with its checks, its
materialization recorded. The single days are spread over the year.
Not equal, on purpose: the range writes the files of a month once, the single days one by one.
Run it: `python -m benchmarks.backfill`.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import yaml

from benchmarks.fixtures.claim import Figure
from benchmarks.fixtures.year import FLIGHTS, KNOWN, Year, year, year_span
from launch.connection import keep_connection
from platform_assets.build.asset import asset_for
from platform_assets.operations import curated
from resources.instance import BATCHED_EVENTS

LIMIT = 1 / 30
SINGLES = 10
RANGES = 3


@contextmanager
def instance_of(place: Year) -> Iterator[dg.DagsterInstance]:
    """Open a Dagster instance whose storage is a database of the same server."""
    place.server.ensure_database("dagster")
    url = place.server.url("dagster").replace("postgresql://", "postgresql+psycopg2://")
    settings = {"storage": {"postgres": {"postgres_url": url}}, "telemetry": {"enabled": False}}
    home = place.folder / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        keep_connection(instance)
        yield instance


def seconds(place: Year, instance: dg.DagsterInstance, first: str, last: str) -> float:
    """Seconds of one run over the days first to last."""
    asset = asset_for(curated.flights, KNOWN.__getitem__)
    assert isinstance(asset, dg.AssetsDefinition)
    tags = {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
        "watermain/rebuild": "true",
    }
    began = time.monotonic()
    done = dg.materialize(
        [asset],
        instance=instance,
        resources={"lake": place.lake},
        tags=tags,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    spent = time.monotonic() - began
    assert done.success
    return spent


def main() -> int:
    """Print the cost per day of both sides."""
    os.environ.update(BATCHED_EVENTS)  # as the platform's processes have it
    days = year_span().keys
    with year() as place, instance_of(place) as instance:
        print(f"backfill: {RANGES} ranges of {len(days)} days, {SINGLES} single days")
        seconds(place, instance, days[0], days[-1])
        ranges, singles = [], []
        for turn in range(RANGES):
            for number in range(turn, SINGLES, RANGES):
                day = days[number * len(days) // SINGLES]
                singles.append(seconds(place, instance, day, day))
            ranges.append(seconds(place, instance, days[0], days[-1]))
            print(f"  turn {turn + 1}: range {ranges[-1]:.3f} s, last single {singles[-1]:.3f} s")
        with place.lake.get_connection() as connection:
            found = connection.execute(
                "from (select count(*) from lake.operations_curated.flights)"
            )
            assert found.fetchone() == (FLIGHTS,)
    return Figure(
        "backfill, seconds per day in one run of 365 days beside runs of one day",
        statistics.median(ranges) / len(days),
        statistics.median(singles),
        LIMIT,
    ).tell()


if __name__ == "__main__":
    sys.exit(main())
