"""What is ready, grouped into the fewest runs over ranges of partitions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from watermain.declare.cadence import Cadence
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.plan.survey import Outlook, Survey
from watermain.engine.publish.attempt import Pair
from watermain.engine.table.partition import Span, spans
from watermain.engine.table.reads import needed


@dataclass(frozen=True, kw_only=True)
class Request:
    """One run: datasets of a team that share their partitions, each behind what it reads.

    Shapes: `wanted` are the stale partitions and the version that each has when it is done; `due`
    is the oldest of them.
    """

    names: tuple[DatasetName, ...]
    span: Span | None
    wanted: Mapping[Pair, str]
    due: Outlook

    @property
    def key(self) -> str:
        """A name that is the same for the same partitions at the same versions."""
        told = sorted(f"{n}/{k}={version}" for (n, k), version in self.wanted.items())
        return hashlib.sha256("\0".join(told).encode()).hexdigest()[:24]

    def __str__(self) -> str:
        names = ", ".join(map(str, self.names))
        if self.span is None:
            return names
        first, last = self.span.first, self.span.last
        return f"{names} [{first}]" if first == last else f"{names} [{first}..{last}]"


Ready = Mapping[DatasetName, Mapping[str, Outlook]]


def requests(survey: Survey, owns: Callable[[Dataset], bool]) -> list[Request]:
    """The runs that the ready partitions of some datasets need, the oldest first.

    Guarantees: a run computes no partition that is not stale, and none before what it reads.
    """
    ready: dict[tuple[str, Cadence | None], dict[DatasetName, dict[str, Outlook]]] = {}
    for dataset in survey.graph.driven:
        outlooks = survey.outlooks.get(dataset.name, {})
        found = {k: v for k, v in outlooks.items() if v.state == "ready"}
        if owns(dataset) and found:
            ready.setdefault((dataset.name.team, dataset.cadence), {})[dataset.name] = found
    made = [r for (_, cadence), of in ready.items() for r in _of_cadence(survey, cadence, of)]
    return sorted(made, key=_age)


def _age(request: Request) -> tuple[datetime, tuple[DatasetName, ...]]:
    span = request.span
    begin = span.cadence.window(span.first).start if span else datetime.max.replace(tzinfo=UTC)
    return begin, request.names


def _of_cadence(survey: Survey, cadence: Cadence | None, ready: Ready) -> Iterator[Request]:
    """The runs of one cadence: one for each stretch of partitions without a gap."""
    if cadence is None:
        yield from _request(survey, None, ready, ready)
        return
    for span in spans(cadence, sorted({key for of in ready.values() for key in of})):
        inside = {n: {k: v for k, v in of.items() if _within(k, span)} for n, of in ready.items()}
        whole = {n: of for n, of in inside.items() if of and _fits(survey, n, of, span)}
        yield from _request(survey, span, whole, ready)
        for name in (n for n, of in inside.items() if of and n not in whole):
            for part in spans(cadence, list(inside[name])):
                own = {k: v for k, v in inside[name].items() if _within(k, part)}
                yield from _request(survey, part, {name: own}, ready)


def _within(key: str, span: Span) -> bool:
    return span.first <= key <= span.last


def _fits(survey: Survey, name: DatasetName, ready: Mapping[str, Outlook], span: Span) -> bool:
    """Whether a dataset may be asked for all of a span: what is not ready in it stands well."""
    stands, stale = survey.books.standing([name])[name], survey.outlooks[name]
    return all(k in ready or (k in stands and k not in stale) for k in span.keys)


def _request(survey: Survey, span: Span | None, asked: Ready, ready: Ready) -> Iterator[Request]:
    """One run of what can be computed in it, if anything can."""
    taken: dict[Pair, Outlook] = {}
    for name, of in asked.items():
        reader = survey.graph.datasets[name]
        taken |= {(name, k): v for k, v in of.items() if _has_all(survey, reader, k, ready, taken)}
    whole = {n for n, of in asked.items() if all((n, k) in taken for k in of)}
    taken = {(n, k): v for (n, k), v in taken.items() if n in whole}
    if taken:
        yield Request(
            names=tuple(dict.fromkeys(name for name, _ in taken)),
            span=span,
            wanted={pair: v.due.wanted for pair, v in taken.items()},
            due=min(taken.values(), key=lambda v: v.due.key),
        )


def _has_all(
    survey: Survey, reader: Dataset, key: str, ready: Ready, taken: Mapping[Pair, Outlook]
) -> bool:
    """Whether what a partition reads is computed in the same run if it is to be computed at all."""
    for other in survey.graph.inputs(reader).values():
        ends = needed(reader, other, key)
        for each in ready.get(other.name, ()):
            read = ends is None or ends[0] <= each <= ends[1]
            if read and (other.name, each) not in taken:
                return False
    return True
