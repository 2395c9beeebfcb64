"""The partitions that are expected of a dataset, each with its due time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from watermain.declare.cadence import Cadence
from watermain.declare.name import DatasetName
from watermain.declare.slo import Slo


@dataclass(frozen=True, kw_only=True)
class Promised:
    """A dataset's promise, with the rhythm that cuts the dataset into partitions."""

    dataset: DatasetName
    slo: Slo
    cadence: Cadence
    owner: str

    @property
    def kept_by(self) -> str:
        """Who keeps the promise."""
        return self.slo.owner or self.owner


@dataclass(frozen=True, order=True)
class Expected:
    """One partition that is expected, at the instant when it is due."""

    due_at: datetime
    partition: str


@dataclass(frozen=True)
class Term:
    """What was promised from an instant on; None is the end of a promise."""

    since: datetime
    promised: Promised | None


def expected(promised: Promised, after: datetime, until: datetime) -> Iterator[Expected]:
    """The partitions that are due after an instant and up to another, in their order.

    Guarantees: it follows from the declaration alone; nothing is due from before the calendar of
    the dataset begins, and days that are not expected have no partition.
    """
    slo, cadence = promised.slo, promised.cadence
    least, most = _end_of_due(slo, after), _end_of_due(slo, until)
    zone = ZoneInfo(cadence.zone)
    local = cadence.floor(least.astimezone(zone).replace(tzinfo=None))
    local = max(local, cadence.local(cadence.first))
    while True:
        key = local.strftime(cadence.format)
        end = cadence.window(key).end
        if end > most:
            return
        is_expected = cadence.unit == "month" or local.date() in slo.expected
        if end > least and is_expected:
            yield Expected(slo.at(end), key)
        local = cadence.following(local)


def events(terms: Sequence[Term], after: datetime, until: datetime) -> list[Expected]:
    """What was due by the promises in force: each partition once, by the first that named it.

    Shapes: terms follow each other in time, the oldest first.
    Guarantees: nothing is due by a promise that was made later than the due time, nor by one that
    nobody has seen yet, which has no terms.
    """
    found: dict[str, Expected] = {}
    ends = (*(term.since for term in terms[1:]), datetime.max.replace(tzinfo=UTC))
    for term, end in zip(terms, ends, strict=False):
        first, last = max(after, term.since), min(until, end)
        if term.promised is not None and first < last:
            for each in expected(term.promised, first, last):
                found.setdefault(each.partition, each)
    return sorted(found.values())


def _end_of_due(slo: Slo, instant: datetime) -> datetime:
    """The last instant at which a partition may end so that it is due no later than another."""
    if slo.ready_within is not None:
        return instant - slo.ready_within
    assert slo.due is not None  # one of them is given
    return slo.due.last_until(instant)
