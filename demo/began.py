"""The calendar with which a data folder began, which it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import psycopg

from watermain.declare.errors import SourceError

DAYS = "select flight_date, flight_date = source_date from demo.clock order by flight_date"


@dataclass(frozen=True, kw_only=True)
class Began:
    """Hold the first day of a folder whose days are moved, or its days of 2013 as recorded.

    Guarantees: neither is there before the first day was loaded; a folder with days of 2013 has no
    `since`, though today's flights happen in it too.
    """

    since: date | None = None
    recorded: tuple[date, ...] = ()

    def check(self, *, as_recorded: bool) -> None:
        """Refuse days of 2013 in a folder whose calendar begins later.

        Raises: SourceError.
        """
        if as_recorded and self.since is not None:
            raise SourceError(
                f"the days of this data folder are moved; they begin with {self.since}",
                declared="--as-recorded, and the operations database's table demo.clock",
                data="unchanged; a row of 2013 would lie before the calendar of every dataset",
                next="leave --as-recorded out, or begin another folder with WATERMAIN_DATA_DIR",
            )


def began(connection: psycopg.Connection) -> Began:
    """Ask the operations database how its folder began."""
    rows = connection.execute(DAYS).fetchall()
    recorded = tuple(day for day, is_itself in rows if is_itself)
    return Began(since=None if recorded or not rows else rows[0][0], recorded=recorded)
