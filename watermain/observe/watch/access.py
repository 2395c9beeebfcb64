"""Access that was refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal
from watermain.lake.catalog import unreachable
from watermain.observe.watch.watching import Looked

PROMISE = "access"
PLATFORM = DatasetName("upkeep", "raw", "audit")  # where what was refused names no dataset
WITHIN = timedelta(minutes=15)
REPEATED = 5
_REFUSED = """
select at, kind, who, dataset, count from watermain.audit where at > %s order by at
"""


class RefusedAccess(NamedTuple):
    """Access that was refused, once or several times: who wanted it, of what kind, to what."""

    at: datetime
    kind: str
    who: str
    dataset: str | None
    times: int


def violations(refusals: Iterable[RefusedAccess]) -> Iterator[Signal]:
    """A signal for each dataset that somebody was refused lately: a page where it is repeated.

    Guarantees: what is refused is a page without any promise, for nobody promises an attack.
    """
    found = defaultdict[DatasetName, list[RefusedAccess]](list)
    for each in refusals:
        found[_dataset(each.dataset)].append(each)
    for name, some in found.items():
        count = sum(each.times for each in some)
        who = sorted({each.who for each in some})
        more = f", {len(who) - 3} more" if len(who) > 3 else ""
        yield Signal(
            dataset=name,
            promise=PROMISE,
            severity="page" if count >= REPEATED else "ticket",
            rule=f"{REPEATED} refusals within 15 min" if count >= REPEATED else "a refusal",
            told=f"access was refused {count} times in 15 min"
            f" ({', '.join(sorted({each.kind for each in some}))}), to {', '.join(who[:3])}{more}",
            at=some[0].at,
            is_alone=True,
        )


class AccessWatching:
    """Watch the log of refused access, where there is one.

    Guarantees: without a log nothing is judged.
    """

    name, promises = "access", frozenset({PROMISE})

    def __init__(self, dsn: Callable[[], str]) -> None:
        self._dsn = dsn

    def look(self, now: datetime) -> Looked:
        """What was refused within a quarter of an hour.

        Raises: UnreachableSystemError.
        """
        try:
            with psycopg.connect(self._dsn()) as connection:
                row = connection.execute("select to_regclass('watermain.audit')").fetchone()
                if row is None or row[0] is None:
                    return Looked()
                rows = connection.execute(_REFUSED, [now - WITHIN]).fetchall()
        except psycopg.OperationalError as error:
            raise unreachable(error, data="alerts stand as they were") from error
        refused = [RefusedAccess(at.astimezone(UTC), *rest) for at, *rest in rows]
        return Looked.of(PROMISE, tuple(violations(refused)))


def _dataset(name: str | None) -> DatasetName:
    """The dataset that somebody was refused; the platform's where the name is none."""
    try:
        return DatasetName.parse(name) if name else PLATFORM
    except InvalidDeclarationError:
        return PLATFORM
