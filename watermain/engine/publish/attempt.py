"""What was tried of stale partitions, kept beside the leases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import psycopg

from watermain.declare.name import DatasetName
from watermain.lake.catalog import unreachable

Pair = tuple[DatasetName, str]
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
MOST_TRIES = 5
_WRITE = """
insert into watermain.attempt (dataset, partition, wanted, tries, state, why, run, at)
values (%s, %s, %s, %s, %s, %s, %s, %s)
on conflict (dataset, partition) do update set
    wanted = excluded.wanted, tries = excluded.tries, state = excluded.state, why = excluded.why,
    run = excluded.run, at = excluded.at
"""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """The last try of one partition at one version.

    Shapes: `state` is `asked` while nobody knows what came of it, `lost` where no run was ever
    made, `failed` after an error and `held` when a blocking check refused the rows.
    """

    wanted: str
    tries: int
    state: Literal["asked", "lost", "failed", "held"]
    why: str
    run: str
    at: datetime

    @property
    def is_given_up(self) -> bool:
        """Whether it is tried no more until its inputs or its code change."""
        return self.tries >= MOST_TRIES

    @property
    def again_at(self) -> datetime:
        """When it may be tried again."""
        pause: timedelta = FIRST_PAUSE * 4 ** (self.tries - 1)
        return self.at + min(LONGEST_PAUSE, pause)

    def is_due(self, now: datetime) -> bool:
        """Whether it may be tried again; a clock that was set back makes nobody wait."""
        return not self.is_given_up and (now >= self.again_at or now < self.at)

    @property
    def told(self) -> str:
        """Why it is not tried now."""
        if self.is_given_up:
            return f"{self.why}; given up after {self.tries} tries, until what it reads changes"
        return f"{self.why}; tried again at {self.again_at:%Y-%m-%d %H:%M:%S}"


class Attempts:
    """Keep the last try of each partition in the catalog's PostgreSQL."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def of(self, names: Iterable[DatasetName]) -> dict[Pair, Attempt]:
        """What was tried of datasets.

        Raises: UnreachableSystemError.
        """
        wanted = {str(name): name for name in names}
        with self._connected() as connection:
            rows = connection.execute(
                "select dataset, partition, wanted, tries, state, why, run, at"
                " from watermain.attempt where dataset = any(%s)",
                [list(wanted)],
            ).fetchall()
        found = {}
        for name, key, version, tries, state, why, run, at in rows:
            found[wanted[name], key] = Attempt(
                wanted=version, tries=tries, state=state, why=why, run=run, at=at.astimezone(UTC)
            )
        return found

    def write(self, attempts: Mapping[Pair, Attempt]) -> None:
        """Remember the last try of partitions in place of what was remembered of them."""
        rows = [
            (str(name), key, a.wanted, a.tries, a.state, a.why, a.run, a.at)
            for (name, key), a in attempts.items()
        ]
        if rows:
            with self._connected() as connection, connection.cursor() as cursor:
                cursor.executemany(_WRITE, rows)

    def _connected(self) -> psycopg.Connection:
        try:
            return psycopg.connect(self._dsn)
        except psycopg.OperationalError as error:
            raise unreachable(error) from error
