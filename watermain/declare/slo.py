"""The promise of when data is ready."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil

from watermain.declare.cadence import Cadence
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.promise.days import WEEK, Days
from watermain.declare.promise.due import Due
from watermain.declare.promise.hours import Hours
from watermain.declare.promise.objective import AtMost, Objective, Share
from watermain.declare.promise.urgency import Urgency
from watermain.declare.wording import lasting, share

# Where nothing else is said: one in 28 days, and what leaves as little room in other rhythms.
USUAL = {"hour": AtMost(6, of=672), "day": AtMost(1, of=28), "month": AtMost(1, of=12)}
_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=30.4)}
_DUST = 1e-6


@dataclass(frozen=True, kw_only=True)
class Slo:
    """Promise that partitions are ready in time, with as many misses as the objective allows.

    Shapes: either `ready_within` after a partition's end, or `due` by a calendar. `objective` is
    `AtMost(misses, of=partitions)` or `Share(target, over=window)`; without one, a day may be
    missed in 28, six hours in 672 and one month in 12. `expected` are the days that have a
    partition at all, `hours` those in which somebody waits for data, `consumers` who that is, and
    `owner` who keeps the promise, else the dataset's.
    """

    ready_within: timedelta | None = None
    due: Due | None = None
    objective: Objective | None = None
    expected: Days = field(default_factory=Days)
    hours: Hours = field(default_factory=Hours)
    urgency: Urgency = field(default_factory=Urgency)
    owner: str = ""
    consumers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for complaint, next_step in self._complaints():
            raise InvalidDeclarationError.nothing_happened(
                f"Slo: {complaint}", declared="Slo", next=next_step
            )

    def _complaints(self) -> Iterator[tuple[str, str]]:
        if (self.ready_within is None) == (self.due is None):
            yield (
                "a promise has one due time",
                "give `ready_within` after a partition's end, or `due` by a calendar",
            )
        if self.ready_within is not None and self.ready_within <= timedelta(0):
            yield f"ready_within {self.ready_within} is no time", "give a positive timedelta"
        if any(not isinstance(c, str) or not c.strip() for c in self.consumers):
            yield f"consumers {self.consumers!r} are nobody", "name them in a tuple of texts"

    def __str__(self) -> str:
        aim = self.objective
        if isinstance(aim, Share):
            ready = f"{share(aim.target)} of partitions ready {self.when}"
            return f"{ready}, over {lasting(aim.over)}"
        told = f"partitions ready {self.when}"
        return told if aim is None else f"{told}, {aim}"

    def told(self, cadence: Cadence) -> str:
        """The promise in words, with the objective that is usual in a rhythm where none is said."""
        return str(replace(self, objective=self.objective_of(cadence)))

    @property
    def when(self) -> str:
        """The due time in words."""
        return (
            str(self.due) if self.ready_within is None else f"within {lasting(self.ready_within)}"
        )

    def at(self, end: datetime) -> datetime:
        """When a partition that ends at an instant is due."""
        if self.ready_within is not None:
            return end + self.ready_within
        assert self.due is not None  # one of them is given
        return self.due.first_from(end)

    def objective_of(self, cadence: Cadence) -> Objective:
        """The objective, or what is usual in a rhythm."""
        return self.objective or USUAL[cadence.unit]

    def complaints(self, cadence: Cadence | None) -> Iterator[tuple[str, str]]:
        """Say what of the promise cannot be kept or measured of a dataset with this rhythm."""
        if cadence is None:
            yield (
                "a promise is about partitions, and this table has none",
                "give it a cadence, or leave `slo` out",
            )
            return
        objective = self.objective_of(cadence)
        expected = self._expected_in(objective, cadence)
        if objective.allowed(int(expected)) < 1:
            yield from self._no_room(objective, expected, cadence)

    def _expected_in(self, objective: Objective, cadence: Cadence) -> float:
        """About how many partitions fall due in the window."""
        if isinstance(objective, AtMost):
            return objective.of
        return float(objective.over / _LENGTHS[cadence.unit] * self._share_of_days(cadence))

    def _share_of_days(self, cadence: Cadence) -> float:
        """Which part of the days is expected; a month is expected on any of them."""
        if cadence.unit == "month":
            return 1.0
        return len(self.expected.numbers) / len(WEEK)

    def _no_room(
        self, objective: Objective, expected: float, cadence: Cadence
    ) -> Iterator[tuple[str, str]]:
        assert isinstance(objective, Share)  # the other kind allows one by itself
        least = ceil(1 / (1 - objective.target) - _DUST)  # partitions of which one may be missed
        span = least * _LENGTHS[cadence.unit] / self._share_of_days(cadence)
        days, known = ceil(span / timedelta(days=1) - _DUST), max(2, int(expected))
        yield (
            f"{share(objective.target)} of the {int(expected)} partitions in"
            f" {lasting(objective.over)} leaves {expected * (1 - objective.target):.2f} misses:"
            " the first one would break the promise",
            f"promise `AtMost(1, of={known})`, or the same over {days} days:"
            f" `Share({objective.target}, over=timedelta(days={days}))`",
        )
