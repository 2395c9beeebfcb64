"""Burn rates fire where the tables say, never where nothing burns."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.declare.name import DatasetName
from watermain.engine.promise.burn import (
    HOURLY_RULES,
    RULES,
    BurnObjective,
    Counted,
    Slices,
    burning,
    dropped,
    of_few,
)
from watermain.engine.promise.signal import Signal
from watermain.engine.promise.verdict import State, Verdict

FLIGHTS = DatasetName.parse("operations.curated.flights")
NOW = datetime(2026, 11, 30, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TARGETS = st.floats(0.5, 0.9999)
STATES = st.lists(st.sampled_from(["good", "bad", "excused", "unknown"]), max_size=40)


def promised(target: float = 0.99, **more: object) -> BurnObjective:
    """An objective of one dataset."""
    return BurnObjective(dataset=FLIGHTS, promise="on_time", target=target, **more)  # type: ignore[arg-type]


def late(minutes: int) -> Counted:
    """Minutes that have been bad up to now, after good ones."""

    def counted(length: timedelta) -> Slices:
        count = length // MINUTE
        return Slices(scheduled=count, bad=min(count, minutes))

    return counted


def over(minutes: int, ago: int) -> Counted:
    """Minutes that were bad, up to some minutes ago."""

    def counted(length: timedelta) -> Slices:
        count = length // MINUTE
        return Slices(scheduled=count, bad=max(0, min(count, ago + minutes) - ago))

    return counted


def verdicts(*states: State, every: timedelta = timedelta(days=1)) -> list[Verdict]:
    """Verdicts of the partitions up to now, oldest first, of which the bad ones never came."""
    found = []
    for ago, state in reversed(list(enumerate(reversed(states)))):
        due = NOW - ago * every
        found.append(
            Verdict(
                dataset=FLIGHTS,
                partition=f"{due:%Y-%m-%dT%H}",
                due_at=due,
                state=state,
                judged_at=due,
            )
        )
    return found


def fired(counted: Counted, objective: BurnObjective) -> tuple[str, str] | None:
    """The severity, then the rule, of what burns."""
    signal = burning(objective, counted, NOW)
    return (signal.severity, signal.rule) if signal else None


@pytest.mark.parametrize(
    ("target", "needed"),
    [
        (0.99, (8.64, 21.6, 43.2)),
        (0.95, (43.2, 108, 216)),
        (0.999, (0.864, 2.16, 4.32)),
    ],
)
def test_rules_need_the_minutes_of_the_table(target, needed):
    """How late the newest partition is when each page fires, by the table of the evidence."""
    found = [rule.needed(target, rule.long / MINUTE) for rule in RULES[:3]]
    assert found == pytest.approx(needed)


@pytest.mark.parametrize(
    ("minutes", "severity", "rule"),
    [
        (9, "page", "burn 14.4x over 1 h and 5 min"),
        (8, None, None),
    ],
)
def test_burning_pages_at_the_minute_of_the_table(minutes, severity, rule):
    """At 99 % the eighth minute of lateness is no page; the ninth is."""
    found = fired(late(minutes), promised())
    assert found == ((severity, rule) if severity else None)


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ({60: 8, 5: 5, 360: 22, 30: 8}, ("page", "burn 6x over 6 h and 30 min")),
        ({60: 9, 5: 0, 360: 22, 30: 1}, None),
        ({360: 22, 30: 2, 1440: 44, 120: 4}, ("page", "burn 6x over 6 h and 30 min")),
        ({360: 21, 30: 2, 1440: 44, 120: 4}, ("page", "burn 3x over 24 h and 2 h")),
        ({360: 21, 30: 2, 1440: 43, 120: 4, 4320: 44}, ("ticket", "burn 1x over 72 h and 6 h")),
        ({360: 21, 30: 2, 1440: 43, 120: 4, 4320: 43}, None),
    ],
)
def test_burning_looks_at_both_windows(bad, expected):
    """Each slower rule begins where the faster one has not fired."""

    def counted(length: timedelta) -> Slices:
        count = length // MINUTE
        return Slices(scheduled=count, bad=bad.get(count, 0))

    assert fired(counted, promised()) == expected


def test_burning_is_a_ticket_when_it_is_slow():
    """Three quarters of an hour in three days are 1x at 99 %."""

    def counted(length: timedelta) -> Slices:
        count = length // MINUTE
        return Slices(scheduled=count, bad={4320: 44, 360: 4}.get(count, 0))

    assert fired(counted, promised()) == ("ticket", "burn 1x over 72 h and 6 h")


@pytest.mark.parametrize(("tier", "severity"), [(1, "page"), (2, "ticket"), (3, "ticket")])
def test_three_times_is_a_ticket_below_the_first_tier(tier, severity):
    """A burn of 3x wakes people for the first tier alone; a fast one wakes them in every tier."""

    def counted(length: timedelta) -> Slices:
        count = length // MINUTE
        return Slices(scheduled=count, bad={1440: 44, 120: 4}.get(count, 0))

    assert fired(counted, promised(tier=tier)) == (severity, "burn 3x over 24 h and 2 h")
    assert fired(late(60), promised(tier=tier)) == ("page", "burn 14.4x over 1 h and 5 min")


def test_burning_tells_counts_and_partitions():
    """What a person reads has the counts, and the signal what is missing."""
    found = burning(promised(), late(9), NOW, ("2026-11-29",))
    assert found == Signal(
        dataset=FLIGHTS,
        promise="on_time",
        severity="page",
        rule="burn 14.4x over 1 h and 5 min",
        told="9 of 60 min in 1 h and 5 of 5 in 5 min were bad: 15x of what 99% allows",
        at=NOW,
        partitions=("2026-11-29",),
    )


@given(TARGETS, st.integers(1, 60_000), st.integers(360, 6_000))
def test_what_burns_no_more_is_no_signal(target, minutes, ago):
    """However much of the budget is spent, nothing fires after six good hours."""
    assert burning(promised(target), over(minutes, ago), NOW) is None


@given(TARGETS, st.integers(0, 5_000), st.integers(0, 5_000))
def test_more_lateness_never_makes_it_less_grave(target, some, more):
    """Whoever is woken by some minutes is woken by more."""
    order = {None: 0, "ticket": 1, "page": 2}
    grave = [
        order[found.severity if found else None]
        for found in (burning(promised(target), late(m), NOW) for m in (some, some + more))
    ]
    assert grave[0] <= grave[1]


@given(TARGETS)
def test_a_rule_is_dropped_exactly_if_total_loss_does_not_exceed_it(target):
    """A rule that is kept fires when all is bad; one that is dropped is said in words."""
    objective = promised(target)
    said = dropped(objective)
    for rule in RULES:
        is_dropped = any(line.startswith(f"{rule} is dropped") for line in said)
        assert is_dropped != rule.can_fire(target)
        if not is_dropped:
            assert rule.fires(objective, late(100_000))
    kept = [rule for rule in RULES if rule.can_fire(target)]
    expected = str(kept[0]) if kept else None
    found = burning(objective, late(100_000), NOW)
    assert (found.rule if found else None) == expected


def test_dropped_rules_are_told():
    """At 90 % a burn of 14.4x is impossible; at 2/3 one of 3x is the end of everything."""
    assert dropped(promised(0.9)) == [
        "burn 14.4x over 1 h and 5 min is dropped: at 90% the fastest burn is 10x,"
        " when everything is bad"
    ]
    assert len(dropped(promised(2 / 3))) == 3
    assert dropped(promised(0.99)) == []


@given(TARGETS, st.integers(0, 500), st.integers(0, 500))
def test_burn_is_linear_in_what_is_bad(target, scheduled, bad):
    """Twice as much that is bad burns twice as fast, and all of it at the fastest burn."""
    once = Slices(scheduled=scheduled, bad=bad).burn(target)
    twice = Slices(scheduled=scheduled, bad=2 * bad).burn(target)
    assert twice == pytest.approx(2 * once)
    if scheduled:
        whole = Slices(scheduled=scheduled, bad=scheduled).burn(target)
        assert whole == pytest.approx(promised(target).fastest)


@pytest.mark.parametrize(
    ("target", "one_in_28", "one_in_7"),
    [
        (0.9, 0.36, 1.4),
        (0.95, 0.71, 2.9),
        (0.96, 0.89, 3.6),
        (0.97, 1.19, 4.8),
        (0.99, 3.57, 14),
        (0.999, 35.71, 143),
    ],
)
def test_burn_of_one_miss_is_that_of_the_table(target, one_in_28, one_in_7):
    """What one miss of 28 daily partitions spends, and how fast one in seven burns."""
    assert Slices(scheduled=28, bad=1).burn(target) == pytest.approx(one_in_28, rel=0.01)
    assert Slices(scheduled=7, bad=1).burn(target) == pytest.approx(one_in_7, rel=0.03)


@pytest.mark.parametrize(
    ("slices", "kept"),
    [
        (Slices(scheduled=100, bad=1), "met"),
        (Slices(scheduled=100, bad=2), "missed"),
        (Slices(scheduled=28, bad=1), "missed"),
        (Slices(scheduled=100, bad=0, unmeasured=5), "met"),
        (Slices(scheduled=100, bad=0, unmeasured=6), "not measured"),
        (Slices(scheduled=100, bad=0, unmeasured=100), "not measured"),
        (Slices(scheduled=100, bad=2, unmeasured=90), "missed"),
        (Slices(scheduled=100, bad=1, unmeasured=4), "missed"),
        (Slices(scheduled=0, bad=0), "not measured"),
    ],
)
def test_slices_are_never_met_by_silence(slices, kept):
    """Below 95 % of measurement nothing is said to be met, and less so of nothing at all."""
    assert slices.kept(0.99) == kept


@pytest.mark.parametrize(
    ("states", "severity"),
    [
        ("ggggggb", "ticket"),
        ("bgggggb", "page"),
        ("bggggggb", "ticket"),
        ("gggggbb", "page"),
        ("bbbbbbg", None),
        ("b", "ticket"),
        ("bb", "page"),
        ("bgggggu", None),
        ("uuuuuub", "ticket"),
        ("beeeeeeeb", "page"),
        ("bbe", "page"),
        ("", None),
        ("eee", None),
    ],
)
def test_few_events_page_from_the_second_miss_in_seven(states, severity):
    """The newest is bad, and so is another of the last seven that were expected."""
    words: dict[str, State] = {"g": "good", "b": "bad", "e": "excused", "u": "unknown"}
    found = of_few(promised(), verdicts(*(words[each] for each in states)), NOW)
    assert (found.severity if found else None) == severity


def test_few_events_tell_which_partitions_were_late():
    """The signal names what was late among the last seven, oldest first."""
    found = of_few(promised(), verdicts("bad", "good", "bad"), NOW)
    assert found is not None
    assert found.partitions == ("2026-11-28T06", "2026-11-30T06")
    assert found.rule == "newest bad and 2 of the last 7"
    assert found.told == "2026-11-30T06 is missing, and 2 of the last 7 were late"


def test_few_events_are_over_when_the_newest_has_come():
    """Nobody is kept awake by what is there, and nobody is told before it is due."""
    *rest, newest = verdicts("bad", "bad")
    arrived = Verdict(
        dataset=FLIGHTS,
        partition=newest.partition,
        due_at=newest.due_at,
        state="bad",
        judged_at=newest.judged_at,
        ready_at=NOW + timedelta(minutes=10),
    )
    assert of_few(promised(), [*rest, arrived], NOW + timedelta(minutes=9)) is not None
    assert of_few(promised(), [*rest, arrived], NOW + timedelta(minutes=10)) is None
    before = of_few(promised(), [*rest, newest], NOW - MINUTE)
    assert before is not None
    assert before.severity == "ticket"


@given(STATES, st.booleans())
def test_one_odd_event_wakes_nobody(states, is_hourly):
    """A page has two bad partitions behind it, and the newest of those expected is one."""
    every = timedelta(hours=1) if is_hourly else timedelta(days=1)
    given_states = verdicts(*states, every=every)
    found = of_few(promised(), given_states, NOW, is_hourly=is_hourly)
    if found and found.severity == "page":
        assert len(found.partitions) >= 2
    newest = [state for state in states if state != "excused"][-1:]
    assert (found is not None) == (newest == ["bad"])


@given(STATES, st.booleans())
def test_first_miss_is_a_page_where_that_is_declared(states, is_hourly):
    """Who asked for it is woken by any newest miss."""
    objective = promised(page_on_first_miss=True)
    found = of_few(objective, verdicts(*states), NOW, is_hourly=is_hourly)
    assert found is None or found.severity == "page"


@pytest.mark.parametrize(("rate", "days"), [(0.01, 1709), (0.02, 438), (0.05, 75)])
def test_few_events_page_by_chance_as_rarely_as_the_table_says(rate, days):
    """The chance of a page each day, over every week there can be, weighed by its likelihood."""
    chance = 0.0
    for week in product((False, True), repeat=7):
        states: list[State] = ["bad" if is_bad else "good" for is_bad in week]
        found = of_few(promised(), verdicts(*states), NOW)
        if found and found.severity == "page":
            chance += math.prod(rate if is_bad else 1 - rate for is_bad in week)
    assert round(1 / chance) == days


@pytest.mark.parametrize(
    ("target", "misses_before", "tier", "severity", "rule"),
    [
        (0.99, 1, 1, "page", "burn 3x over the last 24 and 2 partitions"),
        (0.99, 1, 2, "ticket", "burn 3x over the last 24 and 2 partitions"),
        (0.99, 0, 1, "ticket", "burn 1x over the last 72 and 6 partitions"),
        (0.95, 2, 1, "ticket", "newest bad"),
        (0.95, 3, 1, "page", "burn 3x over the last 24 and 2 partitions"),
    ],
)
def test_hourly_partitions_are_counted_in_windows_of_events(
    target, misses_before, tier, severity, rule
):
    """3x of 24 hourly partitions are one miss at 99 %, but two wake; at 95 % they are four."""
    misses: list[State] = ["bad"] * misses_before
    states: list[State] = ["good"] * 70 + misses + ["good"] * 3 + ["bad"]
    objective = promised(target, tier=tier)
    given_states = verdicts(*states, every=timedelta(hours=1))
    found = of_few(objective, given_states, NOW, is_hourly=True)
    assert found is not None
    assert (found.severity, found.rule) == (severity, rule)
    assert len(found.partitions) == misses_before + 1


def test_hourly_rules_are_dropped_with_the_same_words():
    """An objective below two thirds leaves the ticket alone."""
    said = dropped(promised(0.6), HOURLY_RULES)
    assert [line.partition(" is ")[0] for line in said] == ["burn 3x over 24 h and 2 h"]
