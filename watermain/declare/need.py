"""What a reader relies on in a dataset of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import singledispatch
from typing import Literal, Protocol, get_args

import pyarrow as pa

from watermain.declare.check import (
    AcceptedValues,
    Between,
    Check,
    Query,
    RowCount,
    UniqueKey,
)
from watermain.declare.column.widening import widens
from watermain.declare.contract import Contract
from watermain.declare.errors import InvalidDeclarationError, quoted
from watermain.declare.name import DatasetName

Refresh = Literal["all", "open", "new"]
REFRESHES = get_args(Refresh)


class Producer(Protocol):
    """What a reader knows of a dataset: its contract and its checks."""

    @property
    def contract(self) -> Contract: ...

    @property
    def all_checks(self) -> tuple[Check, ...]: ...


@dataclass(frozen=True, kw_only=True)
class Needs:
    """The columns of a dataset that a reader uses, and the guarantees that it relies on.

    Shapes: a column whose type is None may have any; `before` is how far
    before a partition's beginning the reader looks back; `optional` says that the reader makes
    rows without it, too; `refresh` says which of a reader's partitions the news of an input
    without partitions concern.
    """

    dataset: DatasetName
    columns: Mapping[str, pa.DataType | None]
    guarantees: tuple[Check, ...] = ()
    before: timedelta = timedelta(0)
    optional: bool = False
    refresh: Refresh = "all"

    def __post_init__(self) -> None:
        labels = [g.label for g in self.guarantees]
        twice = {label for label in labels if labels.count(label) > 1}
        many = {g.label for g in self.guarantees if isinstance(g, RowCount) and g.high is not None}
        queries = {g.label for g in self.guarantees if isinstance(g, Query)}
        full = {g.label for g in self.guarantees if isinstance(g, RowCount) and g.low > 0}
        foreign = {c for g in self.guarantees for c in g.columns() if c not in self.columns}
        for wrong, next_step in (
            (foreign, f"list its columns, too: {quoted(foreign)}"),
            (twice, f"keep one of {quoted(twice)}"),
            (queries, "say it as an `expression` over the rows"),
            (full if self.optional else (), "leave `low` out: what is optional may have no row"),
            (many, "leave `high` out: a reader may be given many partitions"),
            (
                [self.refresh] * (self.refresh not in REFRESHES),
                f"let news refresh {quoted(REFRESHES)} partitions",
            ),
            ([str(self.before)] * (self.before < timedelta(0)), "look back by a positive time"),
        ):
            if wrong:
                raise InvalidDeclarationError.nothing_happened(
                    f"needs({str(self.dataset)!r}) relies on {quoted(wrong)} in vain",
                    declared="needs",
                    next=next_step,
                )


def needs(
    dataset: str,
    *,
    columns: Sequence[str] | Mapping[str, pa.DataType],
    guarantees: Sequence[Check] = (),
    before: timedelta = timedelta(0),
    optional: bool = False,
    refresh: Refresh = "all",
) -> Needs:
    """Read a dataset of others, relying on these columns and on these guarantees.

    Shapes: columns by name, or with the types that the reader can take.
    Units: a partition's body is given the rows of its partition and those of whole partitions
    that reach back `before` its beginning; the rows that it computes for them are left out.
    Where an input is `optional`, partitions are computed without it, and again when it comes; until
    then the body is given a table of its contract that has no row. News of an input without
    partitions `refresh` all partitions that were published, those that are still open, or none,
    so that only new ones know them; whoever asks for a partition by name gets it with the news.
    Guarantees: no version of the dataset without them passes CI; each run of the reader checks the
    guarantees on the rows that it is given.
    """
    named = columns if isinstance(columns, Mapping) else dict.fromkeys(columns)
    return Needs(
        dataset=DatasetName.parse(dataset),
        columns=dict(named),
        guarantees=tuple(guarantees),
        before=before,
        optional=optional,
        refresh=refresh,
    )


def unmet(wanted: Needs, producer: Producer) -> Iterator[str]:
    """Say what the producer does not promise."""
    promised = {c.name: c for c in producer.contract.columns}
    for name, kind in wanted.columns.items():
        if name not in promised:
            yield f"there is no column `{name}`; there are {quoted(promised)}"
        elif kind is not None and not widens(promised[name].type, kind):
            yield f"column `{name}` is {promised[name].type}, which {kind} cannot hold"
    kept = [c for c in producer.all_checks if c.severity == "block"]
    for guarantee in wanted.guarantees:
        if not any(implies(check, guarantee) for check in kept):
            yield f"no blocking check promises {guarantee.label}"


@singledispatch
def implies(promise: Check, wanted: Check) -> bool:
    """Whether rows that keep one rule also keep the other, whatever its severity.

    Guarantees: never true by guess; a rule of free SQL implies only the same words.
    """
    return type(promise) is type(wanted) and _said(promise) == _said(wanted)


@implies.register
def _(promise: UniqueKey, wanted: Check) -> bool:
    if not isinstance(wanted, UniqueKey) or not set(promise.key) <= set(wanted.key):
        return False
    if (promise.nulls_repeat and promise.blanks_repeat) or not wanted.nulls_repeat:
        return True
    same = set(promise.key) == set(wanted.key)
    return promise.nulls_repeat and same and not wanted.blanks_repeat


@implies.register
def _(promise: AcceptedValues, wanted: Check) -> bool:
    if not isinstance(wanted, AcceptedValues | Between) or promise.column != wanted.column:
        return False
    if isinstance(wanted, AcceptedValues):
        return all(v in wanted.values for v in promise.values)
    return all(_inside(v, v, wanted) for v in promise.values)


@implies.register
def _(promise: Between, wanted: Check) -> bool:
    return (
        isinstance(wanted, Between)
        and promise.column == wanted.column
        and _inside(promise.low, promise.high, wanted)
    )


@implies.register
def _(promise: RowCount, wanted: Check) -> bool:
    return isinstance(wanted, RowCount) and _inside(promise.low, promise.high, wanted)


def _inside(low: object, high: object, wanted: Between | RowCount) -> bool:
    try:
        above = wanted.low is None or (low is not None and low >= wanted.low)  # type: ignore[operator]
        below = wanted.high is None or (high is not None and high <= wanted.high)  # type: ignore[operator]
    except TypeError:  # bounds of different kinds say nothing about each other
        return False
    return bool(above and below)


def _said(check: Check) -> dict[str, object]:
    return {k: v for k, v in vars(check).items() if k not in ("severity", "name", "declared")}
