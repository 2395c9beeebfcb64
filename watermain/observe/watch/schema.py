"""Sources whose columns are not those that were agreed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from watermain.declare.errors import DriftError, quoted
from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal
from watermain.observe.watch.gravity import Gravity
from watermain.trouble import Trouble

REFUSED, UNKNOWN = "schema", "drift"


class SeenColumn(NamedTuple):
    """A column beyond a contract, and when it was seen first."""

    dataset: DatasetName
    column: str
    outcome: str
    seen_at: datetime


def refused(troubles: Iterable[Trouble], gravity: Gravity) -> list[Signal]:
    """Captures that stand still because the contract is frozen and the columns are others."""
    return [
        Signal(
            dataset=(name := DatasetName.parse(each.dataset)),
            promise=REFUSED,
            severity=gravity.of(name),
            rule="columns other than the frozen contract's",
            told=each.what.removeprefix(f"{name}: "),
            at=datetime.fromisoformat(each.since),
        )
        for each in troubles
        if each.kind == DriftError.__name__
    ]


def unknown(
    seen: Iterable[SeenColumn], contracts: Mapping[DatasetName, Collection[str]]
) -> list[Signal]:
    """Columns that sources show and contracts do not know yet; each dataset is a ticket.

    Guarantees: it stands until the contract knows the columns.
    """
    found = dict[DatasetName, list[SeenColumn]]()
    for each in seen:
        if each.column not in contracts.get(each.dataset, ()):
            found.setdefault(each.dataset, []).append(each)
    return [
        Signal(
            dataset=name,
            promise=UNKNOWN,
            severity="ticket",
            rule="columns that the contract does not know",
            told=f"its source shows {quoted(sorted({c.column for c in columns}))},"
            f" kept as {' or '.join(sorted({c.outcome for c in columns}))}",
            at=min(c.seen_at for c in columns),
        )
        for name, columns in found.items()
    ]
