"""What is heard of a promise is no graver than its urgency, nor at night than by day."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from watermain.declare.cadence import Cadence, Daily, Hourly
from watermain.declare.name import DatasetName
from watermain.declare.promise.hours import Hours
from watermain.declare.promise.objective import AtMost, Objective, Share
from watermain.declare.promise.urgency import Urgency
from watermain.declare.slo import Slo
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.heard import heard, unheard
from watermain.engine.promise.verdict import State, Verdict

FLIGHTS = DatasetName.parse("operations.curated.flights")
NOW = datetime(2026, 11, 30, 6, tzinfo=UTC)
BY_DAY = Hours(begin=time(8), end=time(18))


def promised(
    *,
    urgency: Urgency | None = None,
    hours: Hours | None = None,
    objective: Objective | None = None,
    cadence: Cadence | None = None,
) -> Promised:
    """A promise that is usual but for what is given."""
    slo = Slo(
        ready_within=timedelta(hours=6),
        objective=objective,
        hours=hours or Hours(),
        urgency=urgency or Urgency(),
    )
    return Promised(dataset=FLIGHTS, slo=slo, cadence=cadence or Daily(), owner="team:operations")


def judged(*states: State, every: timedelta = timedelta(days=1)) -> list[Verdict]:
    """Verdicts up to now, oldest first."""
    dues = [NOW - ago * every for ago in reversed(range(len(states)))]
    return [
        Verdict(dataset=FLIGHTS, partition=f"{due}", due_at=due, state=state, judged_at=due)
        for due, state in zip(dues, states, strict=True)
    ]


@pytest.mark.parametrize(
    ("urgency", "states", "severity"),
    [
        (Urgency(), ("bad", "good", "bad"), "page"),
        (Urgency(), ("good", "good", "bad"), "ticket"),
        (Urgency(), ("bad", "bad", "good"), None),
        (Urgency(severity="ticket"), ("bad", "good", "bad"), "ticket"),
        (Urgency(page_on_first_miss=True), ("good", "good", "bad"), "page"),
    ],
)
def test_heard_is_no_graver_than_the_urgency(urgency, states, severity):
    """Two of the last seven wake somebody, unless a breach is a ticket at most."""
    found = heard(promised(urgency=urgency), judged(*states), NOW)
    assert (found.severity if found else None) == severity


@pytest.mark.parametrize(("hour", "severity"), [(6, "ticket"), (8, "page"), (18, "ticket")])
def test_heard_waits_for_promised_hours(hour, severity):
    """What was missed at night is a page from the morning on, if it is missing still."""
    found = heard(promised(hours=BY_DAY), judged("bad", "bad"), NOW.replace(hour=hour))
    assert found is not None
    assert found.severity == severity
    assert ("outside promised hours, 08:00-18:00 UTC" in found.told) == (severity == "ticket")


@pytest.mark.parametrize(
    ("objective", "severity"),
    [(AtMost(6, of=672), "page"), (Share(0.9, over=timedelta(days=28)), "ticket")],
)
def test_heard_of_hours_depends_on_the_objective(objective, severity):
    """Two of 24 hours burn fast where six of 672 may be missed, but slowly where 67 may."""
    hours = promised(objective=objective, cadence=Hourly(), urgency=Urgency(tier=1))
    verdicts = judged(*["good"] * 20, "bad", "good", "bad", every=timedelta(hours=1))
    found = heard(hours, verdicts, NOW)
    assert found is not None
    assert found.severity == severity


def test_unheard_says_which_rules_can_never_fire():
    """At two thirds no burn is 3x; days have no rule that depends on the objective."""
    generous = Share(0.6, over=timedelta(days=28))
    assert len(unheard(promised(objective=generous, cadence=Hourly()))) == 1
    assert unheard(promised(cadence=Hourly())) == []
    assert unheard(promised(objective=generous)) == []
