"""Tests of listening to the operations database before the demo loads days into it."""

from __future__ import annotations

from collections import Counter
from datetime import date

import psycopg
import pytest

from platform_assets.operations.curated import timetable
from platform_assets.operations.raw import airline_contacts, flights
from tests.demo.test_replay import run, themselves
from tests.slots import drop_slots
from watermain.cli.platform.listening import listen_first
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.rooms.directory import find
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake
from watermain.read import query

pytestmark = pytest.mark.slow
DAY = date(2013, 1, 2)
TOLD = """
select count(*) as flights, count(*) filter (
    where known_at < scheduled_departure_at - interval '1 hour') as early
from operations.curated.timetable
"""


def loaded(lake: Lake, connection: psycopg.Connection) -> int:
    """Replay a day, capture it and publish its timetable; give the number of changes."""
    changes = run(connection, themselves(DAY, DAY))
    job = Job(lake=lake, find=find)
    capture(flights, job)
    assert timetable.cadence is not None
    publish(timetable, Span(timetable.cadence, f"{DAY}", f"{DAY}"), job).refuse_blocked()
    drop_slots(connection)
    return changes


def kinds(lake: Lake) -> Counter[str]:
    """How often each kind of change was captured."""
    rows = query("select _op from operations.raw.flights", lake=lake).rows
    return Counter(rows["_op"].to_pylist())


def test_what_happens_after_listening_is_known_since_it_happened(
    lake: Lake, operations: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change is a row; each flight was in the timetable an hour before it was to leave."""
    monkeypatch.setenv("WATERMAIN_SOURCE_OPERATIONS_DB", operations)
    assert sorted(listen_first()) == sorted([flights.name, airline_contacts.name])
    assert listen_first() == []
    changes = loaded(lake, connection)
    found = kinds(lake)
    assert found.total() == changes
    assert set(found) == {"i", "u"}
    assert query(TOLD, lake=lake).rows.to_pylist() == [{"flights": found["i"], "early": found["i"]}]


def test_what_happened_before_is_known_since_the_last_change(
    lake: Lake, operations: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot brings each flight once, as its last change left it; that is told as it is."""
    monkeypatch.setenv("WATERMAIN_SOURCE_OPERATIONS_DB", operations)
    changes = loaded(lake, connection)
    found = kinds(lake)
    assert set(found) == {"r"}
    assert found["r"] < changes
    (told,) = query(TOLD, lake=lake).rows.to_pylist()
    assert told["flights"] == found["r"]
    assert told["early"] < found["r"] / 10
