"""What each check of a dataset demands, told in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch

from watermain.declare.check import (
    ROWS,
    AcceptedValues,
    Between,
    Check,
    Expression,
    FreshWithin,
    Matches,
    NotNull,
    Query,
    RefersTo,
    RowCount,
    Steady,
    UniqueKey,
)
from watermain.declare.dataset import Dataset
from watermain.declare.need import Needs
from watermain.declare.wording import lasting, sentence, share
from watermain.engine.audit.need_check import need_labels, need_of
from watermain.engine.table.staged import ADDS_UP, KNOWN, LIMIT, WINDOW, own_checks

MOST_VALUES = 20


def demands(dataset: Dataset) -> dict[str, str]:
    """Each check of a dataset, declared, implied, needed or the platform's own, as a sentence.

    Guarantees: the sentence holds the values of the rule, then what becomes of what breaks it.
    """
    said = {c.label: (rule(c), str(c.severity)) for c in dataset.all_checks}
    for label, severity in need_labels(dataset):
        said[label] = (_needed(dataset, label), severity)
    for label, severity in own_checks(dataset):
        said[label] = (_own(dataset, label), severity)
    return {
        label: sentence(f"{told}; {_otherwise(dataset, severity)}")
        for label, (told, severity) in said.items()
    }


def _otherwise(dataset: Dataset, severity: str) -> str:
    if severity == "warn":
        return "warns otherwise"
    if severity == "quarantine":
        return "puts the rows aside otherwise"
    if not dataset.is_computed:
        return "holds back what reads it otherwise"
    return f"blocks the {'partition' if dataset.cadence else 'table'} otherwise"


def _needed(dataset: Dataset, label: str) -> str:
    need = need_of(dataset, label)
    if need is None:
        raise KeyError(label)
    wanted, guarantee = need
    if guarantee is None:
        return f"the dataset {wanted.dataset} has {_columns(wanted)}"
    return f"in what is read of {wanted.dataset}, {rule(guarantee)}"


def _columns(wanted: Needs) -> str:
    return _listed(
        f"`{name}`" + (f" as {kind}" if kind is not None else "")
        for name, kind in wanted.columns.items()
    )


def _own(dataset: Dataset, label: str) -> str:
    most = dataset.contract.quarantine.limit
    limit = "any number of" if most is None else "at most "
    limit += (
        "" if most is None else share(most) + " of the" if isinstance(most, float) else f"{most:,}"
    )
    return {
        WINDOW: f"`{dataset.contract.event_time}` of each row lies in the row's partition",
        ADDS_UP: "rows computed are rows published with rows put aside",
        LIMIT: f"{limit} rows may be put aside",
        KNOWN: "the source shows no column that the contract does not know",
    }[label]


@singledispatch
def rule(check: Check) -> str:
    """What a rule demands, in words that a sentence can be made of."""
    raise TypeError(f"no words for {type(check).__name__}")


@rule.register
def _(check: NotNull) -> str:
    return f"`{check.column}` is never null"


@rule.register
def _(check: UniqueKey) -> str:
    key = _listed(f"`{name}`" for name in check.key)
    told = f"no two rows have the same {key}"
    if not check.nulls_repeat:
        return f"{told}, rows that lack {'it' if len(check.key) == 1 else 'one of them'} left out"
    return told if check.blanks_repeat else f"{told}, rows that lack all of them left out"


@rule.register
def _(check: AcceptedValues) -> str:
    known = [str(value) for value in check.values]
    more = f" or {len(known) - MOST_VALUES} more" if len(known) > MOST_VALUES else ""
    return f"`{check.column}` is one of {', '.join(known[:MOST_VALUES])}{more}"


@rule.register
def _(check: Between) -> str:
    low, high = _number(check.low), _number(check.high)
    if check.high is None:
        return f"`{check.column}` is at least {low}"
    if check.low is None:
        return f"`{check.column}` is at most {high}"
    return f"`{check.column}` is between {low} and {high}"


@rule.register
def _(check: Matches) -> str:
    return f"`{check.column}` matches `{check.pattern}` from end to end"


@rule.register
def _(check: RefersTo) -> str:
    own, theirs = (_listed(f"`{n}`" for n in names) for names in (check.columns(), check.others()))
    of = "" if own == theirs else f", there called {theirs}"
    verb = "is" if len(check.columns()) == 1 else "are together"
    return f"{own} {verb} found in {check.dataset}{of}"


@rule.register
def _(check: RowCount) -> str:
    if check.high is None:
        return f"there are rows, {check.low:,} at least"
    if check.low == check.high:
        return f"there are exactly {check.low:,} rows" if check.low != 1 else "there is one row"
    return f"there are {check.low:,} to {check.high:,} rows"


@rule.register
def _(check: Expression) -> str:
    return f"every row keeps `{' '.join(check.sql.split())}`"


@rule.register
def _(check: Query) -> str:
    read = _listed(str(name) for name in check.datasets)
    beside = f" beside {read}" if read else ""
    if check.counts is None and check.warn_if is None and check.block_if is None:
        return f"the query `{check.name}` finds no row{beside}"
    counts = f"`{check.counts}` of" if check.counts else "the number of rows of"
    limit = (check.block_if if check.severity == "block" else check.warn_if) or "!= 0"
    more = f", and warns if it is `{check.warn_if or '!= 0'}`" * (check.severity == "block")
    return f"{counts} the query `{check.name}`{beside} is not `{limit}`{more}"


@rule.register
def _(check: FreshWithin) -> str:
    when = f"{lasting(check.within)} before now, or before the partition's end"
    return f"the newest `{check.column}` is at most {when}"


@rule.register
def _(check: Steady) -> str:
    of = "the number of rows" if check.of == ROWS else f"the mean of `{check.of}`"
    before = f"the median of the {check.against} partitions before"
    return f"{of} stays within a factor of {check.within:g} of {before}"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _listed(words: Iterable[str]) -> str:
    """Words as English lists them."""
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last
