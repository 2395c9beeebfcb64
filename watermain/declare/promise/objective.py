"""How many partitions may be late before a promise is broken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.wording import lasting, share

LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=31)}
_SPARE = 4  # times as long: holidays, excused partitions, weekdays without any
_DUST = 1e-9  # what binary fractions leave of a product that is a whole number


@dataclass(frozen=True)
class AtMost:
    """At most so many misses among the last `of` expected partitions."""

    misses: int
    of: int

    def __post_init__(self) -> None:
        if self.misses < 1 or self.of <= self.misses:
            raise InvalidDeclarationError.nothing_happened(
                f"at most {self.misses} misses in {self.of} partitions is no objective: it leaves"
                f" {'nothing that could be missed' if self.misses < 1 else 'nothing to keep'}",
                declared="AtMost",
                next="allow one miss or more, of more partitions, such as `AtMost(1, of=28)`",
            )

    def __str__(self) -> str:
        return f"at most {self.misses} of {self.of} late"

    @property
    def target(self) -> float:
        """The least share that is good."""
        return 1 - self.misses / self.of

    def allowed(self, expected: int) -> int:
        """How many may be missed of a window, also of one that is not full yet."""
        return self.misses

    def reach(self, unit: str) -> timedelta:
        """How far back its partitions lie, with time to spare."""
        return self.of * _SPARE * LENGTHS[unit]


@dataclass(frozen=True)
class Share:
    """At least a share of the partitions that fell due within a sliding window.

    Units: `target` is a share of 1.
    """

    target: float
    over: timedelta = timedelta(days=28)

    def __post_init__(self) -> None:
        if not 0 < self.target < 1 or self.over <= timedelta(0):
            raise InvalidDeclarationError.nothing_happened(
                f"{self!r} promises nothing that can be measured",
                declared="Share",
                next="give a target above 0 but below 1, over a positive timedelta",
            )

    def __str__(self) -> str:
        return f"{share(self.target)} of partitions over {lasting(self.over)}"

    def allowed(self, expected: int) -> int:
        """How many may be missed of so many: whole ones, for nobody misses half a partition."""
        return math.floor(expected * (1 - self.target) + _DUST)

    def reach(self, unit: str) -> timedelta:
        """How far back its partitions were due."""
        return self.over


Objective = AtMost | Share
