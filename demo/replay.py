"""The replay of flights' lives into the operations database.

How far each day of flights has come stands in `demo.clock`, which moves in the transaction of the
changes themselves: a replay that is killed continues where it was, and nothing is applied twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg

from demo.life import write_changes, write_outcomes
from watermain.declare.errors import SourceError, UnreachableSystemError

ALONE = 336_776  # the advisory lock of whoever replays
ALONE_SECONDS = 20
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
COPY_BYTES = 1 << 20

STAGED = """
create temp table staged (
    happens_at timestamptz, step smallint, flight_date date, flight_id text, carrier text,
    flight integer, tailnum text, origin text, dest text, scheduled_departure timestamp,
    scheduled_arrival_hhmm integer, departure_delay_minutes integer, arrival_delay_minutes integer,
    air_time_minutes integer, distance_miles integer, status text, recorded_on date
);
create index staged_at on staged (happens_at);
set enable_hashjoin = off;
set enable_mergejoin = off;
set enable_seqscan = off;
"""

COLUMNS = """
    flight_id, carrier, flight, tailnum, origin, dest, scheduled_departure, scheduled_arrival_hhmm,
    departure_delay_minutes, arrival_delay_minutes, air_time_minutes, distance_miles, status,
    recorded_on
"""

SCHEDULE = f"""
insert into public.flights ({COLUMNS}, updated_at)
select {COLUMNS}, happens_at from staged
where happens_at > %(after)s and happens_at <= %(until)s and step = 0
order by happens_at, flight_id
"""

UPDATE = """
update public.flights set
    status = staged.status,
    departure_delay_minutes
        = coalesce(staged.departure_delay_minutes, flights.departure_delay_minutes),
    arrival_delay_minutes = coalesce(staged.arrival_delay_minutes, flights.arrival_delay_minutes),
    air_time_minutes = coalesce(staged.air_time_minutes, flights.air_time_minutes),
    updated_at = staged.happens_at
from staged
where staged.flight_id = flights.flight_id
    and happens_at > %(after)s and happens_at <= %(until)s and step = %(step)s
"""

MOVE_CLOCK = """
update demo.clock set
    position = moved.position,
    changes = clock.changes + moved.changes,
    settled = clock.changes + moved.changes = planned
from (
    select flight_date, max(happens_at) as position, count(*) as changes from staged
    where happens_at > %(after)s and happens_at <= %(until)s group by flight_date
) as moved
where moved.flight_date = clock.flight_date
returning moved.changes
"""

PLAN = """
update demo.clock set planned = plan.changes
from (select flight_date, count(*) as changes from staged group by flight_date) as plan
where plan.flight_date = clock.flight_date and clock.planned is null
"""

FORGET_DONE = """
delete from staged using demo.clock
where clock.flight_date = staged.flight_date and staged.happens_at <= clock.position
"""

FINISH = f"""
insert into public.flights ({COLUMNS}, updated_at) select * from outcome
on conflict (flight_id) do update set
    status = excluded.status, departure_delay_minutes = excluded.departure_delay_minutes,
    arrival_delay_minutes = excluded.arrival_delay_minutes,
    air_time_minutes = excluded.air_time_minutes, updated_at = excluded.updated_at
where flights.updated_at < excluded.updated_at
"""

SETTLE = """
update demo.clock set position = ended.position, settled = true
from (
    select right(flight_id, 10)::date as flight_date, max(updated_at) as position
    from outcome group by 1
) as ended
where ended.flight_date = clock.flight_date
"""

Told = Callable[[int, datetime], object]


class Replay:
    """Apply the changes of some days in the order they happen, with one transaction per hour.

    Raises: UnreachableSystemError, when another replay runs; or SourceError, when a day was
    begun with another seed.
    """

    def __init__(self, connection: psycopg.Connection, seed: int) -> None:
        self._connection, self._seed = connection, seed
        self._done = BEGINNING
        _stand_alone(connection)
        connection.execute(STAGED)

    def stage(self, days: Mapping[date, date]) -> int:
        """Take up the days (calendar day -> day of 2013); return the number of changes to come."""
        with tempfile.TemporaryDirectory(prefix="watermain-") as folder:
            path = Path(folder) / "changes.csv"
            write_changes(days, self._seed, path)
            with self._connection.transaction():
                self._connection.execute("truncate staged")
                _copy(self._connection, "staged", path)
                self._begin(days)
                self._connection.execute(PLAN)
                self._connection.execute(FORGET_DONE)
                self._connection.execute("analyze staged")
        self._done = BEGINNING
        return self._count("select count(*) from staged")

    def next_at(self) -> datetime | None:
        """Return the instant of the next change, or None when there is none."""
        row = self._connection.execute(
            "select min(happens_at) from staged where happens_at > %s", [self._done]
        ).fetchone()
        assert row is not None
        found: datetime | None = row[0]
        return found

    def catch_up(
        self, moment: datetime, *, stopped: Callable[[], bool] = lambda: False, tell: Told
    ) -> None:
        """Apply everything up to `moment`; `tell` hears of every transaction."""
        while (due := self.next_at()) is not None and due <= moment and not stopped():
            window = {"after": self._done, "until": min(_end_of_hour(due), moment)}
            with self._connection.transaction():
                self._connection.execute(SCHEDULE, window)
                for step in (1, 2, 3):
                    self._connection.execute(UPDATE, {**window, "step": step})
                moved = self._connection.execute(MOVE_CLOCK, window).fetchall()
            self._done = window["until"]
            tell(sum(changes for (changes,) in moved), window["until"])

    def finish(self, days: Mapping[date, date]) -> int:
        """Bring the days to their final state at once; return the number of flights touched."""
        with tempfile.TemporaryDirectory(prefix="watermain-") as folder:
            path = Path(folder) / "outcomes.csv"
            write_outcomes(days, self._seed, path)
            with self._connection.transaction():
                self._begin(days)
                self._connection.execute(
                    "create temp table outcome on commit drop as"
                    f" select {COLUMNS}, updated_at from public.flights limit 0"
                )
                _copy(self._connection, "outcome", path)
                touched = self._connection.execute(FINISH).rowcount
                self._connection.execute(SETTLE)
        return touched

    def _begin(self, days: Mapping[date, date]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "insert into demo.clock (flight_date, source_date, seed) values (%s, %s, %s)"
                " on conflict do nothing",
                [(day, source, self._seed) for day, source in days.items()],
            )
            cursor.execute(
                "select flight_date, seed from demo.clock where flight_date = any(%s)"
                " and seed <> %s order by flight_date limit 1",
                [list(days), self._seed],
            )
            if begun := cursor.fetchone():
                raise SourceError(
                    f"the flights of {begun[0]} were begun with seed {begun[1]}, not {self._seed}",
                    declared="operations database, table demo.clock",
                    data="unchanged",
                    next=f"say --seed {begun[1]}",
                )

    def _count(self, query: str) -> int:
        row = self._connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def _stand_alone(connection: psycopg.Connection) -> None:
    """Wait until no other replay runs; one that was killed is gone as soon as its session is."""
    try:
        with connection.transaction():
            connection.execute(f"set local lock_timeout = '{ALONE_SECONDS}s'")
            connection.execute("select pg_advisory_lock(%s)", [ALONE])
    except psycopg.errors.LockNotAvailable as error:
        raise UnreachableSystemError(
            "another replay is running",
            declared="operations database, advisory lock of the replay",
            data="unchanged",
            next="stop the other `python -m demo load` or `live`, then run this again",
        ) from error


def _copy(connection: psycopg.Connection, table: str, path: Path) -> None:
    statement = f"copy {table} from stdin (format csv, null '\\N')"
    with connection.cursor().copy(statement) as copy, path.open("rb") as file:
        while chunk := file.read(COPY_BYTES):
            copy.write(chunk)


def _end_of_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
