"""What happened, from when until when, as a part of a trace."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from watermain.trace.identity import TracePoint

Value = str | int | float | bool
MOST_LINKS = 32


@dataclass
class OpenSpan:
    """Something that goes on.

    Shapes: `point` and `parent` are None until it is known what it is about; what is known of
    nothing is never told.
    Units: `began` and `ended` in nanoseconds since 1970.
    """

    name: str
    began: int = field(default_factory=time.time_ns)
    ended: int = 0
    point: TracePoint | None = None
    parent: TracePoint | None = None
    error: str = ""
    facts: dict[str, Value] = field(default_factory=dict)
    links: list[TracePoint] = field(default_factory=list)
    parts: list[OpenSpan] = field(default_factory=list)

    def tell(self, **facts: Value) -> None:
        """Add what is known, under the platform's own prefix."""
        self.facts |= {f"watermain.{name}": value for name, value in facts.items()}

    def link(self, points: Iterable[TracePoint], total: int, what: str) -> None:
        """Link what this came from, MOST_LINKS at most; how many there were is told."""
        room = max(0, MOST_LINKS - len(self.links))
        taken = list(points)[:room]
        self.links += taken
        self.tell(**{f"{what}.linked": len(taken), f"{what}.unlinked": max(0, total - len(taken))})

    def whole(self) -> Iterator[OpenSpan]:
        """This with its parts, each of which knows where it is."""
        if self.point is None:
            return
        yield self
        for number, part in enumerate(self.parts):
            part.parent, part.point = self.point, self.point.child(part.name, number)
            yield from part.whole()

    @contextmanager
    def timed(self) -> Iterator[OpenSpan]:
        """Go on for the block; an error that leaves it is the span's, by its kind alone."""
        try:
            yield self
        except BaseException as error:
            self.error = type(error).__name__
            raise
        finally:
            self.ended = time.time_ns()
