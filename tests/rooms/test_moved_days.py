"""Days moved from 2013 on which the clocks move, from the operations database to the lake."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import psycopg
import pytest

from demo.calendar import NEW_YORK, days_between, source_day
from demo.live import follow_today
from demo.operations import make_tables
from demo.pace import AT_ONCE, Pace
from demo.replay import Replay
from platform_assets.operations import curated, raw
from tests.demo.legs import LEGS, moved_legs, recorded_legs
from tests.slots import drop_slots
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake, table
from watermain.process.postgres import EmbeddedPostgres

KNOWN = {d.name: d for d in (raw.flights, curated.flights)}


def capture_flown(dsn: str, pace: Pace, since: date, job: Job) -> None:
    """Let the days fly in a database of their own, and capture what it tells of them."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        make_tables(connection)
        replay = Replay(connection, 7)
        follow_today(
            connection, replay, pace, since=since, announce=lambda _: None, tell=lambda *_: None
        )
        try:
            capture(raw.flights, job)
        finally:
            drop_slots(connection)


@pytest.mark.parametrize(
    ("moves_on", "hours"),
    [(date(2026, 11, 1), 25), (date(2027, 3, 14), 23)],
)
def test_day_on_which_the_clocks_move_keeps_its_hours(
    lake: Lake,
    postgres: EmbeddedPostgres,
    monkeypatch: pytest.MonkeyPatch,
    moves_on: date,
    hours: int,
) -> None:
    """Each leg flies at its minute of 2013, in the partition of its own day."""
    database = f"moved_{moves_on:%Y%m%d}"
    days = days_between(moves_on - timedelta(days=1), moves_on + timedelta(days=1))
    now = datetime.combine(days[-1], time(12), NEW_YORK)
    postgres.ensure_database(database)
    monkeypatch.setenv("WATERMAIN_SOURCE_OPERATIONS_DB", postgres.dsn(database))
    job = Job(lake=lake, find=KNOWN.__getitem__)
    capture_flown(postgres.dsn(database), Pace(now, now, AT_ONCE), days[0], job)
    cadence = curated.flights.cadence
    assert cadence is not None
    done = publish(curated.flights, Span(cadence, str(days[0]), str(days[-1])), job)
    done.refuse_blocked()
    question = LEGS.replace("operations.curated.flights", table(curated.flights.name))
    with lake.get_connection() as connection:
        found = moved_legs(connection.execute(question).to_arrow_table().to_pylist())
    assert sorted(found) == days
    recorded = recorded_legs()
    assert all(found[day] == recorded[source_day(day)] for day in days)
    assert {o.partition: o.rows_out for o in done.outcomes} == {
        str(d): found[d].total() for d in days
    }
    window = cadence.window(str(moves_on))
    assert window.end - window.start == timedelta(hours=hours)
