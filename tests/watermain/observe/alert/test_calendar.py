"""Rotas, windows come out of calendars, recur, are refused where they cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from watermain.declare.errors import InvalidDeclarationError
from watermain.observe.alert.calendar import OnCall, holes, rotation, shifts, windows

MONDAY = datetime(2026, 11, 30, 8, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


def calendar(*events: str) -> str:
    """A calendar of events, each of lines with blanks between."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"]
    for number, event in enumerate(events):
        words = event.replace(" | ", "\n").split("\n")
        lines += ["BEGIN:VEVENT", f"UID:{number}", "DTSTAMP:20261101T000000Z", *words]
        lines += ["END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def test_rotation_comes_out_as_it_went_in() -> None:
    """Three people, a week each, for good, through a calendar's text."""
    text = rotation(("ann", "bob", "cy"), MONDAY)
    found = shifts(text, MONDAY, MONDAY + 4 * WEEK, declared="rota.ics")
    assert [each.person for each in found] == ["ann", "bob", "cy", "ann"]
    assert found[0] == OnCall(MONDAY, MONDAY + WEEK, "ann")
    assert holes(found, MONDAY, MONDAY + 4 * WEEK) == []
    later = shifts(text, MONDAY + 52 * WEEK, MONDAY + 52 * WEEK + DAY, declared="rota.ics")
    assert [each.person for each in later] == ["bob"]


def test_shifts_of_hours_take_turns() -> None:
    """Twelve hours each of three people: a turn of a day and a half."""
    text = rotation(("ann", "bob", "cy"), MONDAY, timedelta(hours=12))
    found = shifts(text, MONDAY, MONDAY + 2 * DAY, declared="rota.ics")
    assert [each.person for each in found] == ["ann", "bob", "cy", "ann"]


def test_holes_are_named() -> None:
    """Before the first, between two, after the last; an overlap is none."""
    found = [
        OnCall(MONDAY + DAY, MONDAY + 2 * DAY, "ann"),
        OnCall(MONDAY + 1.5 * DAY, MONDAY + 3 * DAY, "bob"),
        OnCall(MONDAY + 4 * DAY, MONDAY + 5 * DAY, "ann"),
    ]
    assert holes(found, MONDAY, MONDAY + 6 * DAY) == [
        (MONDAY, MONDAY + DAY),
        (MONDAY + 3 * DAY, MONDAY + 4 * DAY),
        (MONDAY + 5 * DAY, MONDAY + 6 * DAY),
    ]
    assert holes([], MONDAY, MONDAY + DAY) == [(MONDAY, MONDAY + DAY)]


def test_window_recurs_in_its_zone_over_a_change_of_clocks() -> None:
    """Every Sunday at two in New York, an hour long, in winter as in summer."""
    text = calendar(
        "SUMMARY:patches | DTSTART;TZID=America/New_York:20261018T030000 | DURATION:PT1H"
        " | RRULE:FREQ=WEEKLY;BYDAY=SU | CATEGORIES:shop,weather.raw.observations"
        " | X-WATERMAIN-BUDGET:excused"
    )
    zone = ZoneInfo("America/New_York")
    first = datetime(2026, 10, 24, tzinfo=zone)
    found = windows(text, first, first + 2 * WEEK, declared="maintenance.ics")
    assert [each.begins_at.hour for each in found] == [7, 8]  # UTC, around 1 November
    assert all(each.begins_at.astimezone(zone).hour == 3 for each in found)
    assert (found[0].covers, found[0].budget) == (("shop", "weather.raw.observations"), "excused")
    assert found[0].ends_at - found[0].begins_at == timedelta(hours=1)


TIMES = "DTSTART:20261130T080000Z | DTEND:20261130T090000Z"
REFUSED = (
    (f"SUMMARY:a | {TIMES} | CATEGORIES:shop", "`a` does not say what becomes of promises"),
    (f"SUMMARY:a | {TIMES} | CATEGORIES:shop | X-WATERMAIN-BUDGET:maybe", "does not say"),
    (f"SUMMARY:a | {TIMES} | X-WATERMAIN-BUDGET:counts", "`a` covers nothing"),
    ("SUMMARY:a | DTSTART;VALUE=DATE:20261130 | X-WATERMAIN-BUDGET:counts", "begins in no zone"),
    ("SUMMARY:a | DTSTART:20261130T080000 | DURATION:PT1H", "begins in no zone"),
    ("SUMMARY:a | DTSTART:20261130T080000Z", "ends as it begins"),
)


@pytest.mark.parametrize(("event", "what"), REFUSED)
def test_window_that_can_be_read_two_ways_is_refused(event: str, what: str) -> None:
    """What it covers, when it is, what becomes of the budget: each is said, or refused."""
    with pytest.raises(InvalidDeclarationError, match=what) as told:
        windows(calendar(event), MONDAY - DAY, MONDAY + DAY, declared="maintenance.ics")
    assert "maintenance.ics" in str(told.value)


def test_text_that_is_no_calendar_is_refused() -> None:
    """As is a shift of nobody."""
    with pytest.raises(InvalidDeclarationError, match="no calendar"):
        shifts("who knows", MONDAY, MONDAY + DAY, declared="rota.ics")
    with pytest.raises(InvalidDeclarationError, match="names nobody"):
        shifts(calendar(TIMES), MONDAY, MONDAY + DAY, declared="rota.ics")
