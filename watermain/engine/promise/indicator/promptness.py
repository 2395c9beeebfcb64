"""How much time passes until a dataset is there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from watermain.engine.promise.burn import Counted, Slices
from watermain.engine.promise.indicator.indicator import Ratio
from watermain.engine.promise.verdict import Verdict

if TYPE_CHECKING:  # the ledger brings the engine, which whoever judges does without
    from watermain.lake.ledger import BatchRow

Hours = tuple[datetime, datetime]  # from, until
_Minutes = tuple[int, int]


def on_time(verdicts: Iterable[Verdict]) -> Ratio:
    """Count partitions that were good among those that were judged good or bad."""
    states = [each.state for each in verdicts if each.counts]
    return Ratio(states.count("good"), len(states))


def fresh_minutes(verdicts: Sequence[Verdict], promised: Sequence[Hours], at: datetime) -> Counted:
    """Count minutes of windows that end now, in which the newest due partition was missing.

    Shapes: `verdicts` are those of a dataset, oldest due first, and `promised` the hours in which
    somebody relies on it, oldest first, that never overlap and reach as far back as any window.
    Units: a minute is bad where its beginning was.
    Guarantees: a partition counts until the next is due, for then that is the newest. Excused ones
    are never due. Minutes of partitions that nobody judged are unmeasured.
    """
    due = [each for each in verdicts if each.state != "excused" and each.due_at <= at]
    bad: list[_Minutes] = []
    unmeasured: list[_Minutes] = []
    for verdict, following in pairwise([*due, None]):
        assert verdict is not None
        until = following.due_at if following else at
        if verdict.state == "unknown":
            unmeasured.append((_minute(verdict.due_at), _minute(until)))
        elif verdict.state == "bad":
            ended = min(until, verdict.ready_at) if verdict.ready_at else until
            bad.append((_minute(verdict.due_at), _minute(ended)))
    hours = [(_minute(start), _minute(end)) for start, end in promised]
    now = _minute(at)

    def counted(length: timedelta) -> Slices:
        window = (now - length // timedelta(minutes=1), now)
        within = [each for hour in hours if (each := _shared(hour, window))[0] < each[1]]
        return Slices(
            scheduled=sum(end - start for start, end in within),
            bad=_overlap(bad, within),
            unmeasured=_overlap(unmeasured, within),
        )

    return counted


def _minute(instant: datetime) -> int:
    """The first minute that begins at an instant or after it."""
    return math.ceil(instant.timestamp() / 60)


def _shared(one: _Minutes, other: _Minutes) -> _Minutes:
    return max(one[0], other[0]), min(one[1], other[1])


def _overlap(some: Sequence[_Minutes], others: Sequence[_Minutes]) -> int:
    both = (_shared(one, other) for one in some for other in others)
    return sum(max(0, end - start) for start, end in both)


def lag(batches: Iterable[BatchRow], now: datetime) -> timedelta | None:
    """The time since the event up to which the slowest stream was captured.

    Guarantees: a clock behind its source is no lag; None where no batch says a watermark.
    """
    reached: dict[str, datetime] = {}
    for batch in batches:
        if batch.watermark_at is not None:
            known = reached.get(batch.stream, batch.watermark_at)
            reached[batch.stream] = max(known, batch.watermark_at)
    return max(timedelta(0), now - min(reached.values())) if reached else None


def repair_time(verdicts: Iterable[Verdict]) -> timedelta | None:
    """The mean time from a verdict of bad to the commit that mended it; None of none.

    Guarantees: what is missing still has no time of repair.
    """
    took = [
        each.ready_at - each.judged_at
        for each in verdicts
        if each.state == "bad" and each.ready_at is not None and each.ready_at > each.judged_at
    ]
    return sum(took, timedelta(0)) / len(took) if took else None
