"""Each rule about rows as the SQL condition of a row that breaks it."""

from __future__ import annotations

from functools import singledispatch

from watermain.declare.check import (
    AcceptedValues,
    Between,
    Check,
    Expression,
    Matches,
    NotNull,
    RefersTo,
    UniqueKey,
)
from watermain.engine.table.staged import Staged
from watermain.lake.lake import quote, text


@singledispatch
def violation(check: Check) -> str | None:
    """The SQL condition of a row that breaks the rule by itself; None where it takes others."""
    return None


@violation.register
def _(check: NotNull) -> str:
    return f"{quote(check.column)} is null"


@violation.register
def _(check: AcceptedValues) -> str:
    listed = ", ".join(_value(v) for v in check.values)
    column = quote(check.column)
    return f"{column} not in ({listed})" if listed else f"{column} is not null"


@violation.register
def _(check: Between) -> str:
    column = quote(check.column)
    low = [] if check.low is None else [f"{column} < {_value(check.low)}"]
    high = [] if check.high is None else [f"{column} > {_value(check.high)}"]
    return "(" + " or ".join(low + high) + ")"


@violation.register
def _(check: Matches) -> str:
    return f"not regexp_full_match({quote(check.column)}, {text(check.pattern)})"


@violation.register
def _(check: Expression) -> str:
    return f"not ({check.sql})"


def broken(staged: Staged, check: Check) -> str:
    """The SQL condition of a staged row that breaks the rule, whatever else must be read for it.

    Guarantees: of rows that share a key one is kept, the same each time; none is where another
    partition holds the key.
    """
    if isinstance(check, RefersTo):
        return dangling(check, staged.others(check.dataset))
    if isinstance(check, UniqueKey):
        key = ", ".join(map(quote, check.key))
        order = ", ".join(quote(c.name) for c in staged.dataset.contract.columns)
        others = f" or ({key}) in (select ({key}) from {hits(check)})"
        held = others if looks_back(staged, check) else ""
        return (
            f"rowid in (select rowid from {staged.relation} where {staged.where}"
            f" and {counted(check)} qualify"
            f" row_number() over (partition by {key} order by {order}, rowid) > 1{held})"
        )
    return violation(check) or "false"


def counted(check: UniqueKey) -> str:
    """The SQL condition of a row whose key counts: every row's, or that of one without nulls."""
    known = [f"{quote(k)} is not null" for k in check.key]
    if not check.nulls_repeat:
        return f"({' and '.join(known)})"
    return "(true)" if check.blanks_repeat else f"({' or '.join(known)})"


def is_of_all(check: UniqueKey) -> bool:
    """Whether each row's key counts, whatever is missing in it."""
    return check.nulls_repeat and check.blanks_repeat


def dangling(check: RefersTo, other: str) -> str:
    """The SQL condition of a row whose reference leads nowhere in the other table."""
    own, theirs = [*map(quote, check.columns())], [*map(quote, check.others())]
    known = " and ".join(f"{name} is not null" for name in own)
    there = " and ".join(f"{name} is not null" for name in theirs)
    return (
        f"({known} and ({', '.join(own)}) not in"
        f" (select ({', '.join(theirs)}) from {other} where {there}))"
    )


def looks_back(staged: Staged, check: UniqueKey) -> bool:
    """Whether rows of other partitions may hold a staged key: not where time is part of it."""
    return staged.history and staged.dataset.contract.event_time not in check.key


def hits(check: UniqueKey) -> str:
    """The table of the staged keys that other partitions hold."""
    return quote(f"watermain_hits_{check.label}")


def _value(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return text(str(value)) if not isinstance(value, bool) else str(value).lower()
    return repr(value)
