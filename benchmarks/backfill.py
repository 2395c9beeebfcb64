"""The cost per day of a backfill of 365 days in one run beside runs of one day each.

Equal: the asset of `operations.curated.flights` over the raw year; one Dagster instance on
PostgreSQL; each run submitted to the platform's own launcher, executed by its own executor, and
timed from the submission to the end; every day computed anew, with its checks, and its
materialization recorded. The single days are spread over the year.
Not equal, on purpose: the range writes the files of a month once, but the single days write them
one by one.
Run it: `python -m benchmarks.backfill`.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.fixtures.claim import Figure
from benchmarks.fixtures.site import Site, our_site
from benchmarks.fixtures.year import FLIGHTS, Year, year, year_span
from watermain.process.instance import BATCHED_EVENTS
from watermain.settings import set_variables

LIMIT = 1 / 30
SINGLES = 10
RANGES = 3
LOCATION = "benchmarks.fixtures.flights"


@contextmanager
def site_of(place: Year) -> Iterator[Site]:
    """A Dagster site whose runs find the lake as the platform's find theirs."""
    home = place.folder / "home"
    home.mkdir()
    variables = {
        "WATERMAIN_DATA_DIR": str(home),
        "WATERMAIN_POSTGRES": place.lake.catalog,
        "WATERMAIN_LAKE_PATH": place.lake.folder,
        **BATCHED_EVENTS,
    }
    set_variables(variables)
    with our_site(place.folder, place.server, LOCATION) as site:
        yield site


def seconds(site: Site, first: str, last: str) -> float:
    """Seconds of one run over the days first to last, from its submission to its end."""
    done = site.run(
        "__ASSET_JOB",
        {
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last,
            "watermain/rebuild": "true",
        },
    )
    return done.to_start + done.running


def main() -> int:
    """Print the cost per day of both sides."""
    days = year_span().keys
    with year() as place:
        with site_of(place) as site:
            print(f"backfill: {RANGES} ranges of {len(days)} days, {SINGLES} single days")
            seconds(site, days[0], days[-1])
            ranges, singles = [], []
            for turn in range(RANGES):
                for number in range(turn, SINGLES, RANGES):
                    day = days[number * len(days) // SINGLES]
                    singles.append(seconds(site, day, day))
                ranges.append(seconds(site, days[0], days[-1]))
                print(f"  turn {turn + 1}: range {ranges[-1]:.3f} s, single {singles[-1]:.3f} s")
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
