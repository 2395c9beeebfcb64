"""Questions that suddenly take much more of the engine than they used to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal
from watermain.lake.catalog import unreachable
from watermain.observe.watch.ledger.cost import DAILY, HOURLY, Bound, Spent, surges
from watermain.observe.watch.watching import Looked

PROMISE = "query_cost"
EVERY = timedelta(minutes=5)
SPANS: tuple[tuple[Bound, timedelta, int], ...] = (
    (DAILY, timedelta(days=1), 29),
    (HOURLY, timedelta(hours=1), 73),
)
# Only what took long lately is compared with its past, so that a busy log is not read for nothing.
_SPENT = """
with dear as (
    select name from watermain.query, unnest(datasets) as name where at > %(recent)s
    group by name having sum(seconds / cardinality(datasets)) >= %(least)s
)
select name, floor(extract(epoch from %(now)s - at) / %(span)s)::int,
    sum(seconds / cardinality(datasets))
from watermain.query, unnest(datasets) as name
where at > %(since)s and at <= %(now)s and name in (select name from dear) group by 1, 2
"""


def dear(
    seconds: Iterable[tuple[str, int, float]], bound: Bound, count: int, now: datetime
) -> Iterator[Signal]:
    """A ticket for each dataset whose questions took many times what is usual.

    Shapes: of each dataset, how many spans ago, and the seconds of its share of the questions.
    """
    found = defaultdict[DatasetName, list[float]](lambda: [0.0] * count)
    for name, ago, took in seconds:
        if (dataset := _dataset(name)) is not None and 0 <= ago < count:
            found[dataset][ago] += took
    spent = {name: Spent(seconds=took, bytes=[0.0] * count) for name, took in found.items()}
    for signal in surges(spent, bound, now, doing="answering questions"):
        yield replace(signal, promise=PROMISE)


class SpendingWatching:
    """Watch what questions cost, by the log of those that were answered.

    Guarantees: without a log nothing is judged.
    """

    name, promises = "questions", frozenset({PROMISE})

    def __init__(self, dsn: Callable[[], str]) -> None:
        self._dsn = dsn

    def look(self, now: datetime) -> Looked:
        """What is dear now; the gravest span of a dataset, where several are.

        Raises: UnreachableSystemError.
        """
        found = dict[DatasetName, Signal]()
        try:
            with psycopg.connect(self._dsn()) as connection:
                for bound, span, count in SPANS:
                    words = {
                        "now": now,
                        "recent": now - span,
                        "least": bound.seconds,
                        "span": span.total_seconds(),
                        "since": now - count * span,
                    }
                    rows = connection.execute(_SPENT, words).fetchall()
                    for signal in dear(rows, bound, count, now):  # type: ignore[arg-type]
                        found.setdefault(signal.dataset, signal)
        except psycopg.errors.UndefinedTable:
            return Looked()
        except psycopg.OperationalError as error:
            raise unreachable(error, data="alerts stand as they were") from error
        return Looked.of(PROMISE, tuple(found.values()))


def _dataset(name: str) -> DatasetName | None:
    try:
        return DatasetName.parse(name)
    except InvalidDeclarationError:
        return None
