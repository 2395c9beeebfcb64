"""Verdicts about the partitions that have become due."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from watermain.declare.name import DatasetName
from watermain.engine.promise.book import LONG_AGO, SET_BACK, Beside, Pair, VerdictBook
from watermain.engine.promise.calendar import Expected, Promised, Term, events
from watermain.engine.promise.verdict import EVALUATOR, Verdict
from watermain.engine.promise.written import same_calendar

SETTLE = timedelta(seconds=10)  # a commit that is under way when a partition is due ends within it
PATIENCE = timedelta(minutes=10)  # an evaluator that was away longer cannot say when words changed
LOOK = timedelta(minutes=1)  # how often what was missed is looked for
AWAITED = timedelta(days=90)  # so long after it was due a missed partition is looked for


class Availability(Protocol):
    """What the lake's commits say of when partitions were there."""

    def ready(self, partitions: Mapping[DatasetName, Collection[str]]) -> Mapping[Pair, datetime]:
        """When each partition was first published; those that never were are left out.

        Raises: UnreachableSystemError, where the lake cannot be asked.
        """
        ...


@dataclass(frozen=True)
class JudgedRound:
    """What one round of the evaluator wrote down."""

    verdicts: tuple[Verdict, ...] = ()
    arrivals: Mapping[Pair, datetime] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Case:
    """A partition that is due and was not judged yet."""

    dataset: DatasetName
    expected: Expected
    by: str = EVALUATOR
    is_untold: bool = False  # whether nobody knows what was promised of it

    @property
    def pair(self) -> Pair:
        return self.dataset, self.expected.partition


class Evaluator:
    """Judge what has become due, once.

    Guarantees: a verdict follows from the lake's commits, so that one that is late says the same
    as one in time; it is unknown only where nobody can say what was promised: the declaration
    changed while the evaluator was away. Where the lake cannot be asked nothing is written, and
    the next round judges it.
    """

    def __init__(self, book: VerdictBook, lake: Availability) -> None:
        self._book, self._lake = book, lake
        self._looked_at: datetime | None = None

    def judge(
        self,
        promises: Collection[Promised],
        now: datetime,
        *,
        ended: Iterable[DatasetName] = (),
        beside: Iterable[Beside] = (),
    ) -> JudgedRound:
        """Write down what is promised, and then a verdict for each partition that is due.

        Shapes: `ended` are datasets that promise nothing any more; `beside` writes what has to
        be told in the transaction of the verdicts.
        Raises: UnreachableSystemError.
        """
        ran_at = self._book.evaluated_at()
        self._book.agree(promises, ended, now)
        cases = self._cases(self._book.terms(), now, ran_at)
        missing = self._missing(now)
        ready = self._ask([c.pair for c in cases] + [(v.dataset, v.partition) for v in missing])
        excuses = self._book.excuses({c.dataset for c in cases}) if cases else {}
        judged = JudgedRound(
            tuple(_verdict(c, ready.get(c.pair), excuses.get(c.pair), now) for c in cases),
            dict(_arrivals(missing, ready)),
        )
        self._book.append(judged.verdicts, judged.arrivals, now, beside)
        return judged

    def _missing(self, now: datetime) -> list[Verdict]:
        """What is looked for in this round: what was missed, but not in every round."""
        looked = self._looked_at
        if looked is not None and timedelta(0) <= now - looked < LOOK:
            return []
        self._looked_at = now
        return self._book.missing(now - AWAITED)

    def _ask(self, pairs: Iterable[Pair]) -> Mapping[Pair, datetime]:
        wanted: dict[DatasetName, set[str]] = {}
        for name, key in pairs:
            wanted.setdefault(name, set()).add(key)
        return self._lake.ready(wanted) if wanted else {}

    def _cases(
        self, terms: Mapping[DatasetName, Sequence[Term]], now: datetime, ran_at: datetime | None
    ) -> list[_Case]:
        until, spoiled = self._book.judged_until(terms, now), self._book.spoiled(now)
        due = {
            name: events(said, until.get(name, LONG_AGO), now - SETTLE)
            for name, said in terms.items()
        }
        due = {name: found for name, found in due.items() if found}
        first = min((found[0].due_at for found in due.values()), default=now)
        known = self._book.verdicts(due, first - AWAITED, now) if due else {}
        return [
            _Case(
                dataset=name,
                expected=each,
                by=SET_BACK if (name, each.partition) in spoiled else EVALUATOR,
                is_untold=_is_untold(terms[name], each, ran_at),
            )
            for name, found in due.items()
            for each in found
            if each.partition not in known[name]
        ]


def _is_untold(terms: Sequence[Term], each: Expected, ran_at: datetime | None) -> bool:
    """Whether it was due while nobody looked at a declaration that had changed afterwards."""
    if ran_at is None or each.due_at <= ran_at:
        return False
    after = next((n for n, t in enumerate(terms) if t.since >= each.due_at), None)
    if not after or terms[after].since - ran_at <= PATIENCE:
        return False
    return not same_calendar(terms[after - 1].promised, terms[after].promised)


def _verdict(
    case: _Case, ready_at: datetime | None, excuse: tuple[datetime, str] | None, now: datetime
) -> Verdict:
    """What is true of a partition that is due."""
    due_at = case.expected.due_at
    in_time = ready_at is not None and ready_at <= due_at
    if excuse is not None and excuse[0] < due_at:
        state, why = "excused", excuse[1]
    elif case.is_untold:
        state, why = "unknown", "what is promised had changed while the evaluator was away"
    elif in_time:
        state, why = "good", ""
    else:
        state, why = "bad", "no version was published when it was due"
    return Verdict(
        dataset=case.dataset,
        partition=case.expected.partition,
        due_at=due_at,
        state=state,  # type: ignore[arg-type]
        judged_at=now,
        by=case.by,
        why=why,
        ready_at=ready_at,
    )


def _arrivals(
    missing: Iterable[Verdict], ready: Mapping[Pair, datetime]
) -> Iterator[tuple[Pair, datetime]]:
    """What was missed and has come: never earlier than it was looked for in vain."""
    for verdict in missing:
        at = ready.get((verdict.dataset, verdict.partition))
        if at is not None:
            yield (verdict.dataset, verdict.partition), max(at, verdict.judged_at)
