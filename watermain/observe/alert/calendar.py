"""What recurs in a calendar of iCalendar's format: who is on call, when maintenance is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from watermain.declare.errors import InvalidDeclarationError
from watermain.machine.extras import need
from watermain.observe.alert.alert import Maintenance

if TYPE_CHECKING:
    from icalendar import Calendar

BUDGET = "X-WATERMAIN-BUDGET"
BUDGETS = ("counts", "excused")
MOST_EVENTS = 10_000


@dataclass(frozen=True, order=True)
class OnCall:
    """Somebody who is on call from one instant to another."""

    begins_at: datetime
    ends_at: datetime
    person: str


def shifts(text: str, first: datetime, last: datetime, *, declared: str) -> list[OnCall]:
    """Who is on call when, between two instants: the summary of each event is a person.

    Raises: InvalidDeclarationError, MissingExtraError.
    """
    found = [
        OnCall(begins, ends, str(event.get("SUMMARY", "")).strip())
        for event, begins, ends in _events(text, first, last, declared)
    ]
    for each in found:
        if not each.person:
            raise _refused(declared, f"the shift of {each.begins_at} names nobody", "its SUMMARY")
    return sorted(found)


def holes(
    found: Sequence[OnCall], first: datetime, last: datetime
) -> list[tuple[datetime, datetime]]:
    """The spans between two instants in which nobody is on call."""
    lacking, until = list[tuple[datetime, datetime]](), first
    for shift in sorted(found):
        if shift.begins_at > until:
            lacking.append((until, min(shift.begins_at, last)))
        until = max(until, shift.ends_at)
        if until >= last:
            break
    return lacking if until >= last else [*lacking, (until, last)]


def rotation(
    people: Sequence[str], begins_at: datetime, every: timedelta = timedelta(weeks=1)
) -> str:
    """A calendar in which people take turns for good, each for `every`, from an instant on."""
    need("alerts", declared="watermain alert rota")
    from icalendar import Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", "-//watermain//rota//EN")
    calendar.add("version", "2.0")
    whole = every * len(people)
    for turn, person in enumerate(people):
        event = Event()
        event.add("uid", f"{turn}-{begins_at:%Y%m%dT%H%M%S}@watermain")
        event.add("dtstamp", begins_at)
        event.add("summary", person)
        event.add("dtstart", begins_at + every * turn)
        event.add("dtend", begins_at + every * (turn + 1))
        event.add("rrule", {"freq": "secondly", "interval": int(whole.total_seconds())})
        if not whole % timedelta(days=1):
            event.pop("rrule")
            event.add("rrule", {"freq": "daily", "interval": whole // timedelta(days=1)})
        calendar.add_component(event)
    return str(calendar.to_ical().decode())


def windows(text: str, first: datetime, last: datetime, *, declared: str) -> list[Maintenance]:
    """Maintenance between two instants: an event's categories are datasets or rooms.

    Raises: InvalidDeclarationError, where an event does not say what becomes of the budget or
    covers nothing; MissingExtraError.
    """
    found = []
    for event, begins, ends in _events(text, first, last, declared):
        name, budget = str(event.get("SUMMARY", "")).strip(), str(event.get(BUDGET, "")).strip()
        covers = tuple(str(each) for each in event.categories)
        if budget not in BUDGETS:
            what = f"`{name}` does not say what becomes of promises that are due in it"
            raise _refused(declared, what, f"{BUDGET}:counts or {BUDGET}:excused")
        if not covers:
            raise _refused(declared, f"`{name}` covers nothing", "CATEGORIES: datasets or rooms")
        kept: Literal["counts", "excused"] = "counts" if budget == "counts" else "excused"
        found.append(
            Maintenance(name=name, covers=covers, begins_at=begins, ends_at=ends, budget=kept)
        )
    return sorted(found, key=lambda each: (each.begins_at, each.name))


def _events(
    text: str, first: datetime, last: datetime, declared: str
) -> Iterator[tuple[Any, datetime, datetime]]:
    need("alerts", declared=declared)
    import recurring_ical_events

    found = recurring_ical_events.of(_calendar(text, declared)).between(first, last)
    if len(found) > MOST_EVENTS:
        raise _refused(declared, f"{len(found)} events in one look", f"at most {MOST_EVENTS}")
    for event in found:
        begins, ends = event.start, event.end
        if not isinstance(begins, datetime) or begins.tzinfo is None or ends.tzinfo is None:
            what = f"the event `{event.get('SUMMARY', '')}` begins in no zone"
            raise _refused(declared, what, "a time with TZID or in UTC, not a whole day")
        if ends <= begins:
            what = f"the event `{event.get('SUMMARY', '')}` ends as it begins"
            raise _refused(declared, what, "DTEND or DURATION")
        yield event, begins.astimezone(UTC), ends.astimezone(UTC)


def _calendar(text: str, declared: str) -> Calendar:
    from icalendar import Calendar

    try:
        return Calendar.from_ical(text)
    except (ValueError, IndexError, KeyError) as error:
        raise _refused(declared, f"no calendar: {error}", "the format of iCalendar") from error


def _refused(declared: str, what: str, right: str) -> InvalidDeclarationError:
    return InvalidDeclarationError.nothing_happened(what, declared=declared, next=f"give {right}")
