"""Checks run over staged rows, counted for each partition."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb

from watermain.declare.check import Check, Query, RefersTo, UniqueKey
from watermain.declare.contract import Contract
from watermain.engine.audit.footers import dense, is_exact
from watermain.engine.audit.partition_rule import partition_rule
from watermain.engine.audit.plan import (
    ANTI_JOIN,
    BITMAP,
    DISTINCT,
    FOOTERS,
    HASHES,
    QUERY,
    SCAN,
    SEMI_JOIN,
    Plan,
    Step,
    plan,
)
from watermain.engine.audit.query_rule import MASK, found_rows, judged
from watermain.engine.audit.rule import broken, counted, hits, is_of_all, violation
from watermain.engine.table.staged import Finding, Staged
from watermain.lake.lake import quote, text

MOST_KEYS = 5
_ENDS = ("watermain_low", "watermain_high")


def audit(
    connection: duckdb.DuckDBPyConnection,
    staged: Staged,
    keys: Sequence[str] | None,
    checks: Sequence[Check] | None = None,
) -> tuple[dict[str, int], list[Finding]]:
    """Count rows and run every check in each partition; without `keys`, in those that have rows.

    Guarantees: counts are exact by whichever route; what the files' footers prove is not read;
    row rules share one scan, and a second one counts where some row breaks a rule.
    """
    checks = staged.dataset.all_checks if checks is None else checks
    walk = _Walk(connection=connection, staged=staged, plan=plan(connection, staged, checks))
    walk.scan(keys)
    for step in walk.plan.steps:
        if step.route not in (FOOTERS, SCAN):
            with walk.timed(step):
                walk.failing[step.check.label] = walk.answer(step)
    return walk.rows, [f for s in walk.plan.steps for f in walk.findings(s)]


@dataclass(kw_only=True)
class _Walk:
    """An audit on its way through the plan."""

    connection: duckdb.DuckDBPyConnection
    staged: Staged
    plan: Plan
    rows: dict[str, int] = field(default_factory=dict)
    repeats: dict[str, int] = field(default_factory=dict)
    failing: dict[str, dict[str, int]] = field(default_factory=dict)
    severity: dict[str, dict[str, str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, *steps: Step) -> Iterator[None]:
        """Share the block's seconds among steps."""
        began = time.monotonic()
        yield
        for step in steps:
            label = step.check.label
            spent = (time.monotonic() - began) / len(steps)
            self.seconds[label] = self.seconds.get(label, 0.0) + spent

    def findings(self, step: Step) -> list[Finding]:
        """What a check found in each partition."""
        failing = self.failing.get(step.check.label, {})
        severity = self.severity.get(step.check.label, {})  # where it is not the declared one
        return [
            Finding(
                check=step.check.label,
                partition=key,
                failing=failing.get(key, 0),
                rows=count,
                severity=severity.get(key, step.check.severity),
                route=str(step),
                seconds=self.seconds.get(step.check.label, 0.0),
            )
            for key, count in self.rows.items()
        ]

    def scan(self, keys: Sequence[str] | None) -> None:
        """Count the rows of each partition, those that break a row rule, and keys that may repeat.

        As many hashes of a key as rows prove that none repeats in any of the partitions.
        """
        shared, hashed = self.plan.by(SCAN), self.plan.by(HASHES)
        rules = [str(violation(s.check)) for s in shared]
        breaks = " or ".join(f"({sql})" for sql in rules) or "false"
        hashes = [f"{_hash(s.check)} as h{n}" for n, s in enumerate(hashed)]
        repeats = [f"count(h{n}) - count(distinct h{n})" for n in range(len(hashed))]
        staged = self.staged
        columns = ", ".join([f"{staged.floor} as p", *hashes])
        with self.timed(*shared, *hashed):
            found = _by_partition(
                self.connection,
                f"with scanned as materialized (select {columns},"
                f" ({breaks}) as broken from {staged.relation} where {staged.where}),"
                " counted as (select p, count(*) as n, coalesce(bool_or(broken), false) as breaks"
                f" from scanned group by p) select {staged.named('p')}, n, breaks,"
                " * exclude (p, n, breaks)"
                f" from counted, (select {', '.join(repeats) or 'count(*)'} from scanned)",
            )
            keys = sorted(found) if keys is None else keys
            self.rows = {key: int(found[key][0]) if key in found else 0 for key in keys}
            if any(f[1] for f in found.values()):
                self._count({s.check.label: r for s, r in zip(shared, rules, strict=True)})
        for n, step in enumerate(hashed):
            self.repeats[step.check.label] = max((f[2 + n] for f in found.values()), default=0)

    def _count(self, rules: Mapping[str, str]) -> None:
        """Count the rows of each partition for which conditions hold, in one scan."""
        staged = self.staged
        counts = ", ".join(f"count(*) filter ({sql})" for sql in rules.values())
        found = _by_partition(
            self.connection,
            f"select {staged.named('p')}, * exclude (p) from (select {staged.floor} as p,"
            f" {counts} from {staged.relation} where {staged.where} group by 1)",
        )
        for position, label in enumerate(rules):
            self.failing[label] = {key: int(row[position]) for key, row in found.items()}

    def answer(self, step: Step) -> dict[str, int]:
        """The failing rows of each partition, for a check with a route of its own."""
        check = step.check
        if isinstance(check, UniqueKey):
            return self._repeated(step, check)
        if step.route in (DISTINCT, ANTI_JOIN):
            if self._one(_strange(self.staged, step)):
                self._count({check.label: broken(self.staged, check)})
            return self.failing.get(check.label, {})
        if step.route == QUERY:
            assert isinstance(check, Query)
            found = judged(self.connection, self.staged, check, list(self.rows))
            self.severity[check.label] = {key: one.severity for key, one in found.items()}
            return {key: one.failing for key, one in found.items()}
        return partition_rule(self.connection, self.staged, check, self.rows)

    def _repeated(self, step: Step, check: UniqueKey) -> dict[str, int]:
        """Rows beyond the first of a key, and every row of a key that another partition holds."""
        staged, key = self.staged, ", ".join(map(quote, check.key))
        held = step.history == SEMI_JOIN and self._hits(check)
        if step.route == BITMAP:
            kind = staged.dataset.contract.column(check.key[0]).type
            low, high = dense(kind, self.plan.footers, check.key[0]) or (0, 0)
            bits = f"bit_count(bitstring_agg({key}, {low}, {high}))"
            repeats = self._one(
                f"select count(*) - coalesce({bits}, 0) from {staged.relation} where {staged.where}"
            )
        else:
            repeats = self.repeats[check.label]
        if not repeats and not held:
            return {}
        others = f"(({key}) in (select ({key}) from {hits(check)}))::int" if held else "0"
        found = _by_partition(
            self.connection,
            f"select p, sum(n - 1 + held)::bigint from (select {key}, max({staged.key}) as p,"
            f" count(*) as n, {others} as held from {staged.relation} where {staged.where}"
            f" and {counted(check)} group by {key}) group by 1",
        )
        return {k: int(row[0]) for k, row in found.items()}

    def _hits(self, check: UniqueKey) -> bool:
        """Keep the staged keys that other partitions hold; say whether there are any."""
        staged, first = self.staged, quote(check.key[0])
        key = ", ".join(map(quote, check.key))
        kind = staged.dataset.contract.column(check.key[0]).type
        ends = self.plan.footers.ends(check.key[0]) if is_exact(kind) else None
        if ends is None:  # kept by the engine: to bind values it imports pandas
            for name, end in zip(_ENDS, ("min", "max"), strict=True):
                self.connection.execute(
                    f"set variable {name} ="
                    f" (select {end}({first}) from {staged.relation} where {staged.where})"
                )
        low, high = ("?", "?") if ends else (f"getvariable('{name}')" for name in _ENDS)
        self.connection.execute(
            f"create or replace temp table {hits(check)} as select distinct {key}"
            f" from {staged.relation} where ({staged.where}) is not true and {staged.sound}"
            f" and {counted(check)} and {first} between {low} and {high} and ({key}) in (select"
            f" ({key}) from {staged.relation} where {staged.where} and {counted(check)})",
            list(ends or ()),
        )
        return bool(self._one(f"select count(*) from {hits(check)}"))

    def _one(self, sql: str) -> int:
        row = self.connection.execute(sql).fetchone()
        return int(row[0]) if row else 0


def _hash(check: Check) -> str:
    """The SQL of a key's hash; null where the key does not count."""
    assert isinstance(check, UniqueKey)
    told = f"hash({', '.join(map(quote, check.key))})"
    return told if is_of_all(check) else f"case when {counted(check)} then {told} end"


def _by_partition(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, tuple[Any, ...]]:
    found = connection.execute(sql).fetchall()
    return {str(key): tuple(values) for key, *values in found}


def _strange(staged: Staged, step: Step) -> str:
    """The SQL that counts values, or rows, that break a rule about values."""
    if isinstance(step.check, RefersTo):
        return _strangers(staged, step.check)
    column = quote(step.check.columns()[0])
    own = f"(select {column} as v from {staged.relation} where {staged.where})"
    if step.route == DISTINCT:
        own = f"(select distinct v from {own})"
    rule = violation(step.check)
    return f"select count(*) from (select v as {column} from {own}) where {rule}"


def _strangers(staged: Staged, check: RefersTo) -> str:
    """The SQL that counts references which lead nowhere."""
    names = [f"v{n}" for n in range(len(check.columns()))]
    own, other = (
        ", ".join(f"{quote(c)} as {n}" for c, n in zip(columns, names, strict=True))
        for columns in (check.columns(), check.others())
    )
    known = " and ".join(f"{n} is not null" for n in names)
    return (
        f"select count(*) from (select distinct {own} from {staged.relation} where {staged.where})"
        f" as own anti join (select {other} from {staged.others(check.dataset)}) as other"
        f" using ({', '.join(names)}) where {known}"
    )


def sample(
    connection: duckdb.DuckDBPyConnection, staged: Staged, check: Check, partition: str
) -> list[str]:
    """A few keys of rows that break a rule, for the error's reader; sensitive ones are masked."""
    if isinstance(check, Query):
        return found_rows(connection, staged, check, partition)
    if not check.speaks_of_rows:
        return []
    where = f"{staged.within([partition])} and {broken(staged, check)}"
    return some_keys(connection, staged.dataset.contract, staged.relation, where)


def some_keys(
    connection: duckdb.DuckDBPyConnection, contract: Contract, relation: str, where: str
) -> list[str]:
    """The keys of a few rows; what is sensitive of them is masked."""
    key = ", ".join(
        text(MASK) if contract.is_sensitive(k) else f"{quote(k)}::varchar" for k in contract.key
    )
    rows = connection.execute(
        f"select {key or text('')} from {relation} where {where} limit {MOST_KEYS}"
    ).fetchall()
    return ["/".join(str(v) for v in row) for row in rows]
