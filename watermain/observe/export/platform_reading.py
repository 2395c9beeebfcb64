"""What runs of the platform, read out of its process table."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from watermain.lake.catalog import unreachable
from watermain.observe.export.figures import PlatformFigures
from watermain.process.platform import Services

OPEN = ("QUEUED", "NOT_STARTED", "MANAGED", "STARTING", "STARTED", "CANCELING")
ENDED = ("SUCCESS", "FAILURE", "CANCELED")
_RUNS = """
select status, count(*) from runs where status = any(%s)
    or (status = any(%s) and update_timestamp > (now() at time zone 'utc') - interval '1 hour')
group by 1
"""


def platform_figures(services: Services, runs: Callable[[], str]) -> PlatformFigures:
    """Which services live, and how the runs stand in the database that `runs` leads to.

    Raises: UnreachableSystemError.
    """
    entries = services.supervisor.entries()
    wanted = {*services.wanted.services(), *entries}
    counted = _runs(runs())
    return PlatformFigures(
        services={name: name in entries and entries[name].process() is not None for name in wanted},
        runs={state.lower(): counted.get(state, 0) for state in OPEN},
        ended={state.lower(): counted.get(state, 0) for state in ENDED},
    )


def _runs(dsn: str) -> dict[str, int]:
    try:
        with psycopg.connect(dsn) as connection:
            return dict(connection.execute(_RUNS, [list(OPEN), list(ENDED)]).fetchall())
    except psycopg.errors.UndefinedTable:  # Dagster was never started
        return {}
    except psycopg.Error as error:
        raise unreachable(error, data="nothing was read") from error
