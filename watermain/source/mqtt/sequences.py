"""The numbers that each device has given to its messages, as one bounded text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

MOST_DEVICES = 10_000
MOST_HOLES = 64
_PRINT = 12


class NumberVerdict(Enum):
    """Say what a number means for the message that carries it."""

    FRESH = "is new"
    KNOWN = "was captured before"
    LATE = "comes after its gap was given up"
    CROWDED = "comes from one device too many"


@dataclass
class Numbers:
    """Hold the numbers of one device: all from `low` to `high`, but for the holes.

    `closed` tells that holes below `low` were given up, so that nobody knows what lay there.
    """

    low: int
    high: int
    closed: bool = False
    holes: list[tuple[int, int]] = field(default_factory=list)

    def add(self, number: int) -> NumberVerdict:
        """Take one number."""
        if number > self.high:
            self._open(self.high + 1, number - 1)
            self.high = number
        elif number < self.low:
            if self.closed:
                return NumberVerdict.LATE
            self._open(number + 1, self.low - 1)
            self.low = number
        elif not self._fill(number):
            return NumberVerdict.KNOWN
        return NumberVerdict.FRESH

    def _open(self, first: int, last: int) -> None:
        if first > last:
            return
        self.holes = sorted([*self.holes, (first, last)])
        if len(self.holes) > MOST_HOLES:
            self.low, self.closed = self.holes.pop(0)[1] + 1, True

    def _fill(self, number: int) -> bool:
        for at, (first, last) in enumerate(self.holes):
            if first <= number <= last:
                parts = [(first, number - 1), (number + 1, last)]
                self.holes[at : at + 1] = [part for part in parts if part[0] <= part[1]]
                return True
        return False


class Sequences:
    """Know which messages were captured, by device and number; forget nothing that may return.

    Guarantees: the text of equal knowledge is equal; `last` are the prints of the messages that
    the last batch took from the broker, the only ones that a sound broker sends again.
    """

    def __init__(self, spans: Mapping[str, Numbers], last: Iterable[str]) -> None:
        self.spans, self.last = dict(spans), set(last)
        self._fresh: list[str] = []

    @classmethod
    def of(cls, position: str) -> Self:
        """Read a position back. Raises: ValueError."""
        if position == "":
            return cls({}, ())
        held = json.loads(position)
        spans = {
            device: Numbers(low, high, bool(closed), list(zip(*[iter(holes)] * 2, strict=True)))
            for device, (low, high, closed, *holes) in held["devices"].items()
        }
        prints = held["last"]
        return cls(spans, (prints[at : at + _PRINT] for at in range(0, len(prints), _PRINT)))

    def add(self, device: str, number: int) -> NumberVerdict:
        """Take the number of one message."""
        span = self.spans.get(device)
        if span is not None:
            return span.add(number)
        if len(self.spans) >= MOST_DEVICES:
            return NumberVerdict.CROWDED
        self.spans[device] = Numbers(number, number)
        return NumberVerdict.FRESH

    def mark(self, prints: Iterable[str]) -> None:
        """Remember what the batch in the making takes from the broker."""
        self._fresh += (each[:_PRINT] for each in prints)

    def position(self) -> str:
        """Write the knowledge including the batch in the making, and then begin the next batch."""
        held = {
            device: [
                each.low,
                each.high,
                int(each.closed),
                *(n for hole in each.holes for n in hole),
            ]
            for device, each in sorted(self.spans.items())
        }
        self.last, self._fresh = set(self._fresh), []
        return json.dumps(
            {"devices": held, "last": "".join(sorted(self.last))}, separators=(",", ":")
        )

    def was_taken(self, fingerprint: str) -> bool:
        """Say whether the last committed batch took this very message."""
        return fingerprint[:_PRINT] in self.last


def gaps(position: str) -> Iterator[tuple[str, int, int]]:
    """List the numbers that a position misses: device, first and last."""
    for device, span in Sequences.of(position).spans.items():
        for first, last in span.holes:
            yield device, first, last
