"""Words of a promise: what they mean, what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.declare import (
    AtMost,
    Cadence,
    Daily,
    Days,
    Due,
    Hourly,
    Hours,
    Monthly,
    Share,
    Slo,
    Urgency,
)
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.promise.plain import plain, promised
from watermain.testing.strategies.declared import PROMISES

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Slo, "one due time"),
        (lambda: Slo(ready_within=HOUR, due=Due("0 7 * * *")), "one due time"),
        (lambda: Slo(ready_within=-HOUR), "is no time"),
        (lambda: Slo(ready_within=HOUR, consumers=(" ",)), "are nobody"),
        (lambda: Due("0 0 30 2 *"), "is never due"),
        (lambda: Due("0 7 25 12 *", holidays="US"), "never comes but on holidays of US"),
        (lambda: Due("0 7 * * *", zone="New York"), "no IANA time zone"),
        (lambda: Due("0 7 * * *", holidays="XX"), "no calendar of holidays called 'XX'"),
        (lambda: Days(holidays="US-ZZ"), "no calendar of holidays called 'US-ZZ'"),
        (lambda: Days(weekdays="mo-fr"), "weekdays 'mo-fr' are not understood"),
        (lambda: Hours(begin=time(9), end=time(9)), "09:00 to 09:00 are empty"),
        (lambda: Hours(zone="x"), "no IANA time zone"),
        (lambda: AtMost(0, of=28), "nothing that could be missed"),
        (lambda: AtMost(3, of=3), "nothing to keep"),
        (lambda: Share(1.0), "nothing that can be measured"),
        (lambda: Urgency(tier=4), "tier 4 is unknown"),
        (lambda: Urgency(severity="call"), "severity 'call' is unknown"),  # type: ignore[arg-type]
        (lambda: Urgency(severity="ticket", page_on_first_miss=True), "a ticket pages nobody"),
    ],
)
def test_words_without_meaning_are_refused(make: Callable[[], Any], says: str) -> None:
    """In four lines, with what would do."""
    with pytest.raises(InvalidDeclarationError, match=says) as refused:
        make()
    assert len(str(refused.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("slo", "cadence", "says", "proposes"),
    [
        (Share(0.99), Daily(), "leaves 0.28 misses", "AtMost(1, of=28)"),
        (Share(0.99), Daily(), "of the 28 partitions", "over=timedelta(days=100)"),
        (Share(0.999), Hourly(), "leaves 0.67 misses", "over=timedelta(days=42)"),
        (Share(0.9), Monthly(), "leaves 0.09 misses", "AtMost(1, of=2)"),
    ],
)
def test_objective_without_room_for_a_miss_is_refused(
    slo: Share, cadence: Cadence, says: str, proposes: str
) -> None:
    """The linter says what would work."""
    ((what, next_step),) = Slo(ready_within=HOUR, objective=slo).complaints(cadence)
    assert says in what
    assert proposes in next_step


@given(
    st.floats(0.5, 0.9999),
    st.integers(1, 60),
    st.sampled_from([Daily(), Hourly(), Monthly()]),
    st.sampled_from(["mon-sun", "mon-fri", "sat"]),
)
def test_what_the_linter_proposes_is_accepted(
    target: float, days: int, cadence: Cadence, weekdays: str
) -> None:
    """Both of it."""
    expected = Days(weekdays=weekdays)
    refused = Slo(
        ready_within=HOUR, expected=expected, objective=Share(target, over=timedelta(days=days))
    )
    for _, said in refused.complaints(cadence):
        counted, shared = said.removeprefix("promise ").split(", or the same over ")
        words = {"AtMost": AtMost, "Share": Share, "timedelta": timedelta}
        for text in (counted.strip("`"), shared.partition(": ")[2].strip("`")):
            mended = Slo(ready_within=HOUR, expected=expected, objective=eval(text, words))
            assert [*mended.complaints(cadence)] == []


@pytest.mark.parametrize("cadence", [Daily(), Hourly(), Monthly()])
def test_promise_without_an_objective_is_sound(cadence: Cadence) -> None:
    """What is usual leaves room in every rhythm; a table without one promises nothing."""
    soon = Slo(ready_within=HOUR)
    assert [*soon.complaints(cadence)] == []
    assert soon.objective_of(cadence).allowed(28) >= 1
    assert [what for what, _ in soon.complaints(None)] == [
        "a promise is about partitions, and this table has none"
    ]


def test_days_leave_out_weekends_and_holidays() -> None:
    """A span may go round the end of the week."""
    working = Days(weekdays="mon-fri", holidays="US-NY")
    assert date(2026, 11, 25) in working
    assert date(2026, 11, 26) not in working  # Thanksgiving
    assert date(2026, 11, 28) not in working
    assert [n for n in range(7) if n in Days(weekdays="sat-mon, wed").numbers] == [0, 2, 5, 6]
    assert str(working) == "mon-fri but holidays of US-NY"


def test_hours_are_half_open_in_their_zone() -> None:
    """Noon UTC is seven in New York in winter; the day's end is no empty span."""
    office = Hours(begin=time(7), end=time(19), zone="America/New_York")
    assert datetime(2026, 12, 1, 12, tzinfo=UTC) in office
    assert datetime(2026, 12, 2, 0, tzinfo=UTC) not in office
    assert datetime(2026, 12, 1, 23, 59, tzinfo=UTC) in Hours(begin=time(23))
    assert datetime(2026, 12, 5, 12, tzinfo=UTC) not in Hours(days=Days(weekdays="mon-fri"))


@given(PROMISES)
def test_plain_values_give_the_same_promise_back(slo: Slo) -> None:
    """Whatever it says."""
    assert promised(plain(slo)) == slo


def test_promised_hours_are_spans_between_two_instants() -> None:
    """On the day when the clock moves, an hour less; cut off at both ends; never on other days."""
    office = Hours(begin=time(1), end=time(7), days=Days(weekdays="sat-sun"), zone="Europe/Berlin")
    begin, end = datetime(2026, 3, 28, 2, tzinfo=UTC), datetime(2026, 3, 30, 12, tzinfo=UTC)
    assert [(f"{a:%d %H:%M}", f"{b:%d %H:%M}") for a, b in office.spans(begin, end)] == [
        ("28 02:00", "28 06:00"),
        ("29 00:00", "29 05:00"),
    ]
    whole = [*Hours().spans(begin, end)]
    assert sum(((b - a) for a, b in whole), timedelta(0)) == end - begin
    late = [*Hours(begin=time(22)).spans(begin, end)]
    assert [b - a for a, b in late] == [timedelta(hours=2)] * 2
