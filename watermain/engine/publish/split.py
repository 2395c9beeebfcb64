"""The split of staged rows into those to publish, those to put aside."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import duckdb

from watermain.declare.check import Check
from watermain.declare.quarantine import Quarantine
from watermain.engine.audit.audit import audit, sample
from watermain.engine.audit.rule import broken
from watermain.engine.publish.publication import Job
from watermain.engine.table.staged import ADDS_UP, LIMIT, Finding, Staged
from watermain.failpoint import failpoint
from watermain.lake import ledger
from watermain.lake.lake import quote, text

ASIDE = "watermain_aside"


@dataclass(frozen=True, kw_only=True)
class Split:
    """What was computed of each partition, what stays, what went aside and what checks found."""

    computed: Mapping[str, int]
    rows: Mapping[str, int]
    findings: list[Finding]
    aside: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    samples: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunAtWork:
    """Who puts rows aside: the run, its lease and its code."""

    job: Job
    code: str
    epoch: int


def split(
    connection: duckdb.DuckDBPyConnection, staged: Staged, keys: list[str], writer: RunAtWork
) -> Split:
    """Audit staged rows; move those that break a `quarantine` rule out of the table.

    Guarantees: rows computed are rows published plus rows put aside, counted anew where any was;
    rules that block are held against what stays; a row that breaks several rules goes aside once.
    """
    rows, findings = audit(connection, staged, keys)
    asides = [f for f in findings if f.severity == "quarantine"]
    if all(f.passed for f in asides):
        samples = _samples(connection, staged, findings)
        found = Split(computed=rows, rows=rows, findings=findings, samples=samples)
    else:
        samples = _samples(connection, staged, asides)
        aside = _put_aside(connection, staged, {f.check for f in asides if not f.passed}, writer)
        unsure = [c for c in staged.dataset.all_checks if _may_change(c, findings)]
        stays, again = audit(connection, _left(staged), keys, unsure)
        asked = {c.label for c in unsure}
        kept = [f._replace(rows=stays[f.partition]) for f in findings if f.check not in asked]
        found = Split(
            computed=rows,
            rows=stays,
            findings=[*asides, *(f for f in kept if f.severity != "quarantine"), *again],
            aside=aside,
            samples=samples | _samples(connection, staged, again),
        )
    if staged.dataset.can_quarantine:
        found.findings.extend(_counted(found, staged.dataset.contract.quarantine))
    return found


def _left(staged: Staged) -> Staged:
    """What was staged, without the files that went when the last of their rows was put aside."""
    return replace(staged, files=tuple(f for f in staged.files if os.path.exists(f)))


def _may_change(check: Check, findings: list[Finding]) -> bool:
    """Whether fewer rows may answer a check otherwise: a rule that no row breaks stays unbroken."""
    failed = any(f.check == check.label and not f.passed for f in findings)
    return check.severity != "quarantine" and (failed or not check.speaks_of_rows)


def _counted(found: Split, quarantine: Quarantine) -> Iterator[Finding]:
    """Whether rows add up in each partition, and whether too many of them went aside."""
    for key, count in found.computed.items():
        aside = sum(found.aside.get(key, {}).values())
        lost = abs(count - found.rows[key] - aside)
        over = 0 if quarantine.allows(aside, count) else aside
        yield Finding(ADDS_UP, key, lost, count, "block")
        yield Finding(LIMIT, key, over, count, "block")


def _samples(
    connection: duckdb.DuckDBPyConnection, staged: Staged, findings: list[Finding]
) -> dict[str, list[str]]:
    """A few keys of rows that break each failed rule, in the first partition where it failed."""
    checks = {c.label: c for c in staged.dataset.all_checks}
    first = {f.check: f.partition for f in reversed(findings) if not f.passed}
    return {
        label: sample(connection, staged, checks[label], partition)
        for label, partition in first.items()
        if label in checks
    }


def _reject(connection: duckdb.DuckDBPyConnection, staged: Staged, rejected: set[str]) -> None:
    """Collect the rows that break one of the rules, each with all that it breaks."""
    contract = staged.dataset.contract
    checks = [c for c in staged.dataset.all_checks if c.label in rejected]
    conditions = [broken(staged, c) for c in checks]
    rules = ", ".join(
        f"case when {sql} then {text(c.label)} end"
        for c, sql in zip(checks, conditions, strict=True)
    )
    columns = ", ".join(quote(c.name) for c in contract.columns)
    held = ", ".join(f"{text(c.name)}: {quote(c.name)}" for c in contract.columns)
    key = [f"coalesce({quote(k)}::varchar, 'null')" for k in contract.key]
    position = " || '/' || ".join(key) or "''"
    connection.execute(
        f"create or replace temp table {ASIDE} as select *, list_extract(_rules, 1) as _rule from"
        f" (select rowid as _row, {staged.key} as _partition, {position} as _position,"
        f" [x for x in [{rules}] if x is not null] as _rules,"
        f" to_json({{{held}}})::varchar as _payload from (select rowid, {columns} from"
        f" {staged.relation} where {staged.where} and ({' or '.join(conditions)})))"
    )


def _put_aside(
    connection: duckdb.DuckDBPyConnection, staged: Staged, rejected: set[str], writer: RunAtWork
) -> dict[str, dict[str, int]]:
    """Move rows to the quarantine; count them by partition and by their first rule."""
    _reject(connection, staged, rejected)
    failpoint("quarantine.before_rows")
    facts = [
        str(staged.dataset.name),
        f"epoch {writer.epoch}",
        staged.dataset.contract.version,
        writer.job.run_id,
        writer.job.clock.now(),
        writer.code,
        writer.epoch,
    ]
    connection.execute(
        f"insert into {ledger.QUARANTINE} (dataset, batch_id, position, reason, payload,"
        " contract_version, run_id, quarantined_at, partition, rule, code_version, epoch)"
        f" select ?, ?, _position, 'breaks ' || array_to_string(_rules, ', '), _payload,"
        f" ?, ?, ?, _partition, _rule, ?, ? from {ASIDE}",
        facts,
    )
    failpoint("quarantine.after_rows_before_delete")
    connection.execute(
        f"delete from {staged.relation} where {staged.where}"
        f" and rowid in (select _row from {ASIDE})"
    )
    failpoint("quarantine.after_delete")
    found: dict[str, dict[str, int]] = {}
    for key, rule, count in connection.execute(
        f"select _partition, _rule, count(*) from {ASIDE} group by all order by all"
    ).fetchall():
        found.setdefault(str(key), {})[str(rule)] = int(count)
    return found
