"""Checks run over staged rows, counted for each partition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, NamedTuple

import duckdb

from platform_assets.build.partition import Span
from platform_assets.declare.check import (
    AcceptedValues,
    Between,
    Check,
    Expression,
    Matches,
    NotNull,
    Query,
    RefersTo,
    RowCount,
    UniqueKey,
)
from platform_assets.declare.dataset import Dataset
from platform_assets.declare.name import DatasetName
from resources.lake import quote, text

WINDOW = "within_partition"


class Finding(NamedTuple):
    """What one check found in one partition."""

    check: str
    partition: str
    failing: int
    rows: int
    severity: str

    @property
    def passed(self) -> bool:
        """Whether no row broke the rule."""
        return self.failing == 0

    @property
    def blocks(self) -> bool:
        """Whether the finding holds the partition back."""
        return not self.passed and self.severity == "block"


@dataclass(frozen=True, kw_only=True)
class Staged:
    """The rows to audit: a relation, how it is cut, where other datasets are read."""

    dataset: Dataset
    relation: str
    where: str
    span: Span | None
    others: Callable[[DatasetName], str]

    @property
    def key(self) -> str:
        """The SQL expression of a row's partition."""
        return self.named(self.floor)

    @property
    def floor(self) -> str:
        """The SQL expression of what stands for a row's partition, cheap to group by."""
        return "''" if self.span is None else self.span.floor(self.dataset.contract)

    def named(self, floor: str) -> str:
        """The SQL expression that turns such a value into the partition's key."""
        return floor if self.span is None else self.span.named(floor)


@singledispatch
def violation(check: Check) -> str | None:
    """The SQL condition of a row that breaks the rule, or None for a rule over tables."""
    raise TypeError(f"no translation for {type(check).__name__}")


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


@violation.register(UniqueKey)
@violation.register(RefersTo)
@violation.register(RowCount)
@violation.register(Query)
def _(check: Check) -> None:
    return None


def audit(
    connection: duckdb.DuckDBPyConnection, staged: Staged, keys: list[str]
) -> tuple[dict[str, int], list[Finding]]:
    """Count rows and run every check in each partition.

    Guarantees: row rules share one scan, a second one counts where some row breaks a rule; each
    table rule reads the columns it needs.
    """
    checks = staged.dataset.all_checks
    row_rules = [(c, sql) for c in checks if (sql := violation(c)) is not None]
    unique = [c for c in checks if isinstance(c, UniqueKey)]
    found = _first_scan(connection, staged, [sql for _, sql in row_rules], unique)
    rows = {key: int(found[key][0]) if key in found else 0 for key in keys}
    repeated = [c for n, c in enumerate(unique) if any(f[2 + n] for f in found.values())]
    counts = ", ".join(f"count(*) filter ({sql})" for _, sql in row_rules)
    by_key = _grouped(connection, staged, counts) if any(f[1] for f in found.values()) else {}
    findings = []
    for position, (check, _) in enumerate(row_rules):
        failing = {k: int(r[position]) for k, r in by_key.items()}
        findings += _findings(check, failing, rows)
    for check in checks:
        if isinstance(check, UniqueKey) and check not in repeated:
            findings += _findings(check, {}, rows)
        elif violation(check) is None:
            findings += _findings(check, _table_rule(connection, staged, check, rows), rows)
    return rows, findings


def _first_scan(
    connection: duckdb.DuckDBPyConnection,
    staged: Staged,
    rules: list[str],
    unique: list[UniqueKey],
) -> dict[str, tuple[Any, ...]]:
    """For each partition its rows, whether one breaks a row rule, how many keys may repeat.

    As many hashes of a key as rows prove that none repeats in any of the partitions.
    """
    broken = " or ".join(f"({sql})" for sql in rules) or "false"
    hashes = [f"hash({', '.join(map(quote, c.key))}) as h{n}" for n, c in enumerate(unique)]
    repeats = [f"count(*) - count(distinct h{n})" for n in range(len(unique))]
    found = connection.execute(
        f"with scanned as materialized (select {', '.join([f'{staged.floor} as p', *hashes])},"
        f" ({broken}) as broken from {staged.relation} where {staged.where}),"
        " counted as (select p, count(*) as n, coalesce(bool_or(broken), false) as breaks"
        f" from scanned group by p) select {staged.named('p')}, n, breaks, * exclude (p, n, breaks)"
        f" from counted, (select {', '.join(repeats) or 'count(*)'} from scanned)"
    ).fetchall()
    return {str(key): tuple(values) for key, *values in found}


def _grouped(
    connection: duckdb.DuckDBPyConnection, staged: Staged, aggregates: str
) -> dict[str, tuple[Any, ...]]:
    """Aggregates over the staged rows of each partition."""
    found = connection.execute(
        f"select {staged.named('p')}, * exclude (p) from (select {staged.floor} as p,"
        f" {aggregates} from {staged.relation} where {staged.where} group by 1)"
    ).fetchall()
    return {str(key): tuple(values) for key, *values in found}


def _findings(check: Check, failing: Mapping[str, int], rows: Mapping[str, int]) -> list[Finding]:
    return [
        Finding(
            check=check.label,
            partition=key,
            failing=failing.get(key, 0),
            rows=count,
            severity=check.severity,
        )
        for key, count in rows.items()
    ]


def _table_rule(
    connection: duckdb.DuckDBPyConnection,
    staged: Staged,
    check: Check,
    rows: Mapping[str, int],
) -> dict[str, int]:
    if isinstance(check, RowCount):
        high = check.high
        return {k: int(n < check.low or (high is not None and n > high)) for k, n in rows.items()}
    if isinstance(check, Query):
        return _query(connection, staged, check, list(rows))
    if isinstance(check, UniqueKey):
        sql = _unique(staged, check)
    elif isinstance(check, RefersTo):
        column, other = quote(check.column), staged.others(check.dataset)
        sql = (
            f"select {staged.key}, count(*) from {staged.relation} where {staged.where}"
            f" and {column} is not null and {column} not in"
            f" (select {quote(check.other)} from {other}"
            f" where {quote(check.other)} is not null) group by 1"
        )
    else:
        raise TypeError(f"no translation for {type(check).__name__}")
    return {str(k): int(n) for k, n in connection.execute(sql).fetchall()}


def _unique(staged: Staged, check: UniqueKey) -> str:
    """Rows beyond the first of each key; a key also may not stand in two partitions."""
    key = ", ".join(quote(k) for k in check.key)
    return (
        f"select p, sum(n - 1)::bigint from (select {key}, max({staged.key}) as p, count(*) as n"
        f" from {staged.relation} where {staged.where} group by {key} having count(*) > 1)"
        " group by 1"
    )


def _query(
    connection: duckdb.DuckDBPyConnection, staged: Staged, check: Query, keys: list[str]
) -> dict[str, int]:
    """Rows that the query finds over the partitions at once; where it finds some, over each.

    Rows that only several partitions together bring about are held against all of them.
    """

    def found(where: str) -> int:
        own = f"(select * from {staged.relation} where {where})"
        others = [f"{quote(str(n))} as (select * from {staged.others(n)})" for n in check.datasets]
        these = ", ".join([f"{quote(str(staged.dataset.name))} as {own}", *others])
        row = connection.execute(
            f"with {these} select count(*) from ({check.sql}) as failing"
        ).fetchone()
        return int(row[0]) if row else 0

    total = found(staged.where)
    if not total or len(keys) == 1:
        return dict.fromkeys(keys, total)
    each = {key: found(f"{staged.where} and {staged.key} = {text(key)}") for key in keys}
    return each if any(each.values()) else dict.fromkeys(keys, total)


def sample(
    connection: duckdb.DuckDBPyConnection, staged: Staged, check: Check, partition: str
) -> list[str]:
    """A few keys of rows that break a row rule, for the error's reader."""
    sql = violation(check)
    if sql is None:
        return []
    key = ", ".join(f"{quote(k)}::varchar" for k in staged.dataset.contract.key)
    rows = connection.execute(
        f"select {key} from {staged.relation} where {staged.where}"
        f" and {staged.key} = {text(partition)} and {sql} limit 5"
    ).fetchall()
    return ["/".join(str(v) for v in row) for row in rows]


def _value(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return text(str(value)) if not isinstance(value, bool) else str(value).lower()
    return repr(value)
