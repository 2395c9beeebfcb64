"""Each rule about rows as the SQL condition of a row that breaks it."""

from __future__ import annotations

from functools import singledispatch

from platform_assets.build.staged import Staged
from platform_assets.declare.check import (
    AcceptedValues,
    Between,
    Check,
    Expression,
    Matches,
    NotNull,
    RefersTo,
    UniqueKey,
)
from resources.lake import quote, text


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
    return f"{quote(check.column)} not in ({listed})" if listed else "true"


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
        column, other = quote(check.column), quote(check.other)
        return (
            f"({column} is not null and {column} not in (select {other} from"
            f" {staged.others(check.dataset)} where {other} is not null))"
        )
    if isinstance(check, UniqueKey):
        key = ", ".join(map(quote, check.key))
        order = ", ".join(quote(c.name) for c in staged.dataset.contract.columns)
        others = f" or ({key}) in (select ({key}) from {hits(check)})"
        held = others if looks_back(staged, check) else ""
        return (
            f"rowid in (select rowid from {staged.relation} where {staged.where} qualify"
            f" row_number() over (partition by {key} order by {order}, rowid) > 1{held})"
        )
    return violation(check) or "false"


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
