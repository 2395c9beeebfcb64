"""Tests of the messages that the movement bus carries."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from demo.calendar import days_between
from demo.movements import Movement, movements

ALWAYS = {"after": datetime(1, 1, 1, tzinfo=UTC), "until": datetime(9999, 1, 1, tzinfo=UTC)}
WEEK = {day: day for day in days_between(date(2013, 1, 1), date(2013, 1, 7))}


@pytest.fixture(scope="module")
def week() -> list[Movement]:
    """A week of messages."""
    return list(movements(WEEK, 7, **ALWAYS))


def said(message: Movement) -> dict[str, Any]:
    """Read what a message says."""
    found: dict[str, Any] = json.loads(message.value)
    return found


def instant(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text)


def test_flight_that_leaves_moves_four_times_in_order(
    week: list[Movement], rows_of_2013: list[dict[str, str]]
) -> None:
    """Cancelled flights never move; the time in the air is the file's."""
    flown = [
        row
        for row in rows_of_2013
        if row["month"] == "1" and int(row["day"]) <= 7 and row["dep_time"] != "NA"
    ]
    events = {m.event_id: said(m) for m in week}
    flights: dict[str, dict[str, datetime]] = {}
    for event in events.values():
        flights.setdefault(event["flight_id"], {})[event["kind"]] = instant(event["happened_at"])
    assert len(flights) == len(flown)
    order = ("gate_out", "take_off", "landing", "gate_in")
    for moved in flights.values():
        assert sorted(order, key=moved.__getitem__) == list(order)
    for row in flown:
        name = (
            f"{row['carrier']}{row['flight']}-{row['origin']}-{row['dest']}-2013-01-0{row['day']}"
        )
        if row["air_time"] != "NA":
            in_the_air = flights[name]["landing"] - flights[name]["take_off"]
            assert in_the_air == timedelta(minutes=int(row["air_time"]))


def test_each_phase_names_the_movement_before(week: list[Movement]) -> None:
    """A take-off knows its gate-out, a gate-in its landing."""
    events = {m.event_id: said(m) for m in week}
    before = {"take_off": "gate_out", "landing": "take_off", "gate_in": "landing"}
    for event in events.values():
        if event["kind"] == "gate_out":
            assert event["phase_began_at"] is None
        else:
            first = events[f"{event['flight_id']}/{before[event['kind']]}"]
            assert event["phase_began_at"] == first["happened_at"]


def test_some_come_twice_some_late_some_out_of_order(week: list[Movement]) -> None:
    """Shares as declared: 1% again, 2% late, 0.1% by hours."""
    events = len({m.event_id for m in week})
    assert 0.008 < len(week) / events - 1 < 0.012
    late = [
        datetime.fromtimestamp(m.sent_at / 1000, UTC) - instant(said(m)["happened_at"])
        for m in week
    ]
    assert min(late) > timedelta(0)
    assert 0.017 < sum(each > timedelta(minutes=6) for each in late) / events < 0.023
    assert 0.0005 < sum(each > timedelta(hours=1) for each in late) / events < 0.0015
    happened = [said(m)["happened_at"] for m in week]
    assert sum(a > b for a, b in pairwise(happened)) > len(week) / 100
    assert [m.sent_at for m in week] == sorted(m.sent_at for m in week)


def test_message_sent_again_says_the_same(week: list[Movement]) -> None:
    """Correlation id, content: one for each event, another for every other event."""
    told = {(m.event_id, m.correlation_id, m.value) for m in week}
    counts = Counter(event for event, *_ in told)
    assert set(counts.values()) == {1}
    assert len({m.correlation_id for m in week}) == len(counts)


def test_messages_are_the_same_for_the_same_seed(week: list[Movement]) -> None:
    """Whatever days lie beside them, however they are cut."""
    middle = datetime(2013, 1, 4, 12, tzinfo=UTC)
    parts = [
        *movements(WEEK, 7, after=ALWAYS["after"], until=middle),
        *movements(WEEK, 7, after=middle, until=ALWAYS["until"]),
    ]
    assert parts == week
    day = {date(2013, 1, 3): date(2013, 1, 3)}
    alone = list(movements(day, 7, **ALWAYS))
    assert alone == [m for m in week if m.flight_id.endswith("-2013-01-03")]
    assert alone != list(movements(day, 8, **ALWAYS))
