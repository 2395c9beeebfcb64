"""How a promise stands: known answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.watermain.engine.promise.promises import FEES, june, promise
from watermain.declare import AtMost, Share, Slo
from watermain.engine.promise.budget import PromiseStatus, status, wilson
from watermain.engine.promise.calendar import Promised, Term
from watermain.engine.promise.verdict import Verdict

BEGUN = june(1) - timedelta(days=60)
ONE = AtMost(1, of=28)
STATES = {".": "good", "x": "bad", "-": "excused", "?": "unknown"}


def _stands(states: str, objective: AtMost | Share = ONE) -> PromiseStatus:
    """The promise after the days that end with the 29th of June; a blank was not judged."""
    slo = Slo(ready_within=timedelta(hours=2), objective=objective)
    found = Promised(dataset=FEES, slo=slo, cadence=promise().cadence, owner="team:billing")
    first = 30 - len(states)
    verdicts = {
        f"2026-06-{day:02}": Verdict(
            dataset=FEES,
            partition=f"2026-06-{day:02}",
            due_at=june(day) + timedelta(hours=26),
            state=STATES[state],  # type: ignore[arg-type]
            judged_at=june(30, 3),
        )
        for day, state in enumerate(states, first)
        if state != " "
    }
    since = june(first) + timedelta(hours=25)
    return status([Term(since, found)], verdicts, found, june(30, 3))


@pytest.mark.parametrize(
    ("states", "state", "left"),
    [
        ("." * 28, "met", 1),
        ("x" + "." * 27, "met", 0),  # it was long ago, though no room is left
        ("." * 24 + "x...", "burning", 0),
        ("x" + "." * 26 + "x", "breached", -1),
        ("x" + "." * 28, "met", 1),  # the miss has left the window
        ("." * 27 + "?", "met", 1),
        ("." * 26 + "??", "not measured", 1),
        ("." * 26 + "  ", "not measured", 1),  # nobody has judged for two days
        ("." * 20 + "-" * 8, "met", 1),
        ("." * 20 + "-x-x----", "breached", -1),
        ("xx" + " " * 26, "breached", -1),  # what is broken is not mended by looking away
        ("...", "met", 1),
        ("", "not measured", 1),
        ("---", "not measured", 1),
    ],
)
def test_state_of_a_promise(states: str, state: str, left: int) -> None:
    """Few misses, where they lie, and what nobody measured."""
    stands = _stands(states)
    assert (stands.state, stands.left) == (state, left)


def test_counts_of_a_window() -> None:
    """Excused ones count neither way; unknown ones lower what was measured."""
    stands = _stands("...x-?  ", AtMost(2, of=28))
    assert (stands.good, stands.bad, stands.excused, stands.unknown) == (3, 1, 1, 3)
    assert stands.expected == 7
    assert stands.coverage == pytest.approx(4 / 7)
    assert stands.kept == 0.75


def test_excused_partitions_leave_room_for_older_ones() -> None:
    """The last 28 that count: a miss before a week of excuses is still among them."""
    assert _stands("x" + "." * 20 + "-" * 7).bad == 1
    assert len(_stands("." * 29).days) == 28


def test_young_promise_has_the_room_of_its_whole_window() -> None:
    """Two days old, 95 % of 28 days allow one miss, and not none."""
    stands = _stands("x.", Share(0.95))
    assert (stands.allowed, stands.left, stands.state) == (1, 0, "burning")
    assert _stands("." * 28, Share(0.9)).allowed == 2


def test_wilson_interval_of_few_partitions_is_wide() -> None:
    """27 of 28, as the textbooks compute it."""
    low, high = wilson(27, 28)
    assert (round(low, 3), round(high, 3)) == (0.823, 0.994)
    assert wilson(28, 28)[1] == 1.0
    assert wilson(0, 3)[0] == 0.0
    assert _stands("").interval is None
