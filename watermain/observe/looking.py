"""One look at all promises, by the verdicts that are in force."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from watermain.declare.name import DatasetName
from watermain.declare.wording import lasting
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.budget import status, window_begin
from watermain.engine.promise.calendar import Promised, Term
from watermain.engine.promise.evaluate import AWAITED, LOOK, SETTLE
from watermain.engine.promise.heard import heard
from watermain.engine.promise.signal import Signal
from watermain.engine.promise.verdict import EVALUATOR, Verdict
from watermain.engine.publish.attempt import Attempts
from watermain.engine.rooms.promises import RoomPromises
from watermain.observe.alert.alert import Ailment, Maintenance, Sighting
from watermain.observe.alert.cause import Lineage

Verdicts = Mapping[DatasetName, Sequence[Verdict]]
ON_TIME = "on_time"
DECISIVE = {"hour": timedelta(days=14), "day": timedelta(days=60), "month": timedelta(days=400)}


class PromiseLooking:
    """Look at the promises that may be broken; at all others only while an alert names them.

    Guarantees: a look follows from what is written down, so that one that was lost is made again
    with the same result. What could not be judged for a minute is unmeasured.
    """

    def __init__(
        self,
        book: VerdictBook,
        attempts: Callable[[], Attempts],
        known: Callable[[], RoomPromises],
    ) -> None:
        self._book, self._attempts, self._known = book, attempts, known

    def __call__(
        self, now: datetime, members: Collection[DatasetName], windows: Sequence[Maintenance]
    ) -> tuple[Sighting, Lineage]:
        """What is wrong now; `members` are those that open alerts know to be late.

        Raises: UnreachableSystemError.
        """
        names = {each.dataset for each in self._book.missing(now - AWAITED)} | set(members)
        if not names:
            return Sighting(at=now, windows=tuple(windows)), Lineage({})
        terms = self._book.terms()
        promised = _in_force(terms)
        verdicts = self._verdicts([promised[n] for n in names if n in promised], now)
        signals = [
            _told(signal, terms[name], promised[name], found)
            for name, found in verdicts.items()
            if (signal := heard(promised[name], found, now))
        ]
        lineage = _lineage(self._known(), promised.values())
        ill = {signal.dataset for signal in signals}
        look = Sighting(
            at=now,
            signals=tuple(signals),
            ailments=tuple(self._ailments(signals, lineage)),
            unmeasured=self._unmeasured(verdicts, now),
            windows=tuple(windows),
            proofs={n: _proof(verdicts.get(n, ())) for n in set(members) - ill},
        )
        return look, lineage

    def lineage(self) -> Lineage:
        """Who reads whom, and who owns what, as the rooms last said.

        Raises: UnreachableSystemError.
        """
        return _lineage(self._known(), _in_force(self._book.terms()).values())

    def _verdicts(self, promised: Collection[Promised], now: datetime) -> Verdicts:
        """The verdicts that decide, oldest due first; months reach further back than hours."""
        found: dict[DatasetName, Sequence[Verdict]] = {}
        alike = defaultdict[str, list[Promised]](list)
        for each in promised:
            alike[each.cadence.unit].append(each)
        for unit, some in alike.items():
            first = min(now - DECISIVE[unit], *(window_begin(each, now) for each in some))
            said = self._book.verdicts([each.dataset for each in some], first, now)
            found |= {n: sorted(v.values(), key=lambda v: v.due_at) for n, v in said.items()}
        return found

    def _unmeasured(self, verdicts: Verdicts, now: datetime) -> frozenset[DatasetName]:
        at = self._book.evaluated_at()
        if at is None or abs(now - at) > LOOK:
            return frozenset(verdicts)
        return frozenset(n for n, found in verdicts.items() if found and _is_unknown(found[-1]))

    def _ailments(self, signals: Sequence[Signal], lineage: Lineage) -> Iterable[Ailment]:
        """What failed of the missing partitions, at the datasets or above them."""
        names = {signal.dataset for signal in signals}
        missing = {key for signal in signals for key in signal.partitions}
        above = names.union(*(lineage.above(name) for name in names))
        for (name, key), tried in (self._attempts().of(above) if above else {}).items():
            is_near = any(p.startswith(key) or key.startswith(p) for p in missing)
            if tried.state != "asked" and is_near:
                yield Ailment(dataset=name, why=tried.why, at=tried.at, run=tried.run)


def _told(
    signal: Signal, terms: Sequence[Term], promised: Promised, verdicts: Sequence[Verdict]
) -> Signal:
    """A signal with what a person wants to know of its promise."""
    due_at = next(v.due_at for v in reversed(verdicts) if v.partition == signal.partitions[-1])
    stands = status(terms, {v.partition: v for v in verdicts}, promised, signal.at - SETTLE)
    words = promised.slo.told(promised.cadence)
    return replace(signal, at=due_at, due_at=due_at, words=words, left=stands.left)


def _in_force(terms: Mapping[DatasetName, Sequence[Term]]) -> dict[DatasetName, Promised]:
    return {n: p for n, said in terms.items() if (p := said[-1].promised) is not None}


def _lineage(known: RoomPromises, promised: Iterable[Promised]) -> Lineage:
    owners, consumers = dict(known.owners), dict[DatasetName, Sequence[str]]()
    for each in promised:
        owners[each.dataset], consumers[each.dataset] = each.kept_by, each.slo.consumers
    return Lineage(known.inputs, owners, consumers)


def _is_unknown(verdict: Verdict) -> bool:
    return verdict.state == "unknown"


def _proof(verdicts: Sequence[Verdict]) -> str:
    """What shows that a dataset is well; what is missing still, too."""
    if not verdicts:
        return "it promises nothing any more"
    last = verdicts[-1]
    still = [v.partition for v in verdicts if v.state == "bad" and v.ready_at is None]
    more = f"; still missing: {', '.join(still)}" if still else ""
    if not last.by.startswith(EVALUATOR) or last.state == "excused":
        return f"{last.partition} is {last.state}, signed by {last.by}: {last.why}{more}"
    if last.ready_at is None:
        return f"{last.partition} is {last.state}{more}"
    late = f"{lasting(last.late_by)} late" if last.late_by else "in time"
    return f"{last.partition} came at {last.ready_at:%Y-%m-%d %H:%M:%S} UTC, {late}{more}"
