"""Rows computed into the table inside a transaction, where they are audited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from watermain.engine.audit.audit import audit
from watermain.engine.audit.need_check import audit_needs, need_samples
from watermain.engine.publish.decision import Decision, Work
from watermain.engine.publish.publication import Outcome
from watermain.engine.publish.split import RunAtWork, Split, split
from watermain.engine.table.absence import gained, is_absent, nothing_of
from watermain.engine.table.body import staged_sql
from watermain.engine.table.growth import grown, tell_instant
from watermain.engine.table.partition import Span, overlapping
from watermain.engine.table.staged import Finding, Staged, outside
from watermain.engine.table.table import stored_schema
from watermain.failpoint import failpoint
from watermain.lake.lake import table, text
from watermain.lake.rest import signed_zero
from watermain.lake.rest.signed_zero import floating
from watermain.lake.written import Written
from watermain.trace.tracing import part


@dataclass(frozen=True, kw_only=True)
class Computed:
    """What was staged of some partitions, and what their audit found.

    Units: `bytes` of the files that hold the rows.
    """

    staged: Staged
    outcomes: tuple[Outcome, ...]
    samples: Mapping[str, list[str]]
    bytes: int

    @property
    def blocked(self) -> set[str]:
        """The partitions that a blocking check refuses."""
        return {o.partition for o in self.outcomes if o.blocked}


def stage(work: Work, decision: Decision, keys: Sequence[str], written: Written) -> Computed:
    """Compute partitions into the table, and audit them where they lie.

    Guarantees: nothing of it is visible before the caller's transaction commits.
    """
    connection, dataset = work.connection, work.dataset
    span = Span(work.span.cadence, keys[0], keys[-1]) if work.span else None
    views = _views(work, decision, span)
    staged = _staged(work, decision, span)
    where = staged.where if span else "true"
    if decision.is_first:  # whatever the table will hold is staged here
        staged = replace(staged, where="true")
    with part("stage"):
        rows = _write(work, decision, staged, views)
    failpoint("publish.after_stage")
    with part("audit"), ThreadPoolExecutor(1) as beside:
        flushed = beside.submit(written.sync)
        rows_in = _rows_in(work, decision, views, span)
        if not decision.grows:  # else rows that stand are held against the checks, too
            staged = replace(staged, files=written.data_files(), written=rows)
        writer = RunAtWork(job=work.job, code=decision.code, epoch=work.lease.epoch)
        found = split(connection, staged, list(keys), writer)
        needed = audit_needs(connection, dataset, views, list(keys), staged.others)
        found.findings.extend((*outside(found.computed, rows, where), *needed))
        why = need_samples(connection, dataset, views, work.job.find, needed)
    outcomes = tuple(_outcomes(decision, keys, rows_in, found))
    samples = {**found.samples, **why}
    return Computed(staged=staged, outcomes=outcomes, samples=samples, bytes=flushed.result())


def _write(work: Work, decision: Decision, staged: Staged, views: dict[str, str]) -> int:
    """Compute rows and put them in the place of those that stood; give their number."""
    connection, dataset, target = work.connection, work.dataset, staged.relation
    secretive, growth = _is_secretive(work, decision), dataset.growth
    if growth is not None:
        tell_instant(connection, work.job.clock.now())
    if growth is not None and decision.grows:
        sql = grown(connection, dataset, growth, views, target, secretive=secretive)
    else:
        sql = staged_sql(connection, dataset, views, secretive=secretive)
        span = staged.span
        if span and any(n.before for n in dataset.needs.values()):
            sql = f"{sql} where {span.filter(dataset.contract)}"  # rows that only looked back
        if not decision.is_first and work.job.cut is None:
            # a cut retires every file that has rows of these partitions
            connection.execute(f"delete from {target} where {staged.where}")
    return signed_zero.written(connection, target, sql, floating(stored_schema(dataset)))


def unchanged(work: Work, decision: Decision) -> list[Outcome]:
    """The partitions that stand as they would be computed, with their checks run again."""
    keys = decision.unchanged
    if not keys:
        return []
    staged = _staged(work, replace(decision, at=""), work.span)
    rows, findings = audit(work.connection, staged, list(decision.wanted))
    return [
        Outcome(
            partition=key,
            rows_in=0,
            rows_out=rows[key],
            data_version=decision.wanted[key],
            findings=(
                *(f for f in findings if f.partition == key),
                *outside({key: rows[key]}, rows[key], "" if key else "true"),
            ),
            published=False,
        )
        for key in keys
    ]


def audited(work: Work, decision: Decision) -> tuple[Outcome, ...]:
    """The partitions that stand, and what is wrong with the inputs that they rely on."""
    views, keys = _views(work, decision, work.span), list(decision.wanted)
    others = _staged(work, decision, work.span).others
    of = audit_needs(work.connection, work.dataset, views, keys, others)
    return tuple(
        replace(o, findings=(*o.findings, *(f for f in of if f.partition == o.partition)))
        for o in unchanged(work, decision)
    )


def _views(work: Work, decision: Decision, span: Span | None) -> dict[str, str]:
    """A view for each input, over the rows that the partitions are computed from."""
    views = {}
    for alias, name in work.dataset.inputs.items():
        other = work.job.find(name)
        where, shown = "", "*"
        if other.can_quarantine and not other.is_computed:  # columns beyond the contract
            known = ", ".join(text(n) for n in stored_schema(other).names)
            shown = f"columns(lambda name: list_contains([{known}], name))"
        column = work.dataset.mart.batched.get(alias) if work.dataset.mart else None
        if span is not None and column:
            where = " where " + span.filter(replace(other.contract, event_time=column))
        elif span is not None and other.cadence is not None:
            back = work.dataset.looks_back(name)
            first, last = overlapping(span, other.cadence, back)
            where = " where " + Span(other.cadence, first, last).filter(other.contract)
        views[alias] = f"input_{alias}"
        read = f"{table(name)}{decision.at}"
        if is_absent(work.dataset, other, decision.inputs[name]):
            given = nothing_of(work.connection, other)
        else:
            added = gained(work.connection, other, read) if other.is_captured else ""
            given = f"select {shown}{added} from {read}{where}"
        work.connection.execute(f"create or replace temp view input_{alias} as {given}")
    return views


def _staged(work: Work, decision: Decision, span: Span | None) -> Staged:
    """Where the rows of a span lie, and what they are held against."""
    dataset, cut = work.dataset, work.job.cut
    where = span.filter(dataset.contract) if span else "true"
    sound = cut.sound if cut else "true"
    return Staged(
        dataset=dataset,
        relation=table(dataset.name),
        where=f"{where} and {sound}" if cut else where,
        span=span,
        sound=sound,
        others=lambda name: f"{table(name)}{'' if name == dataset.name else decision.at}",
        history=span is not None and bool(decision.standing - set(span.keys)),
        now=work.job.clock.now(),
    )


def _is_secretive(work: Work, decision: Decision) -> bool:
    """Whether a value that the body has before it may be for nobody's eyes."""
    contracts = [work.dataset.contract, *(work.job.find(n).contract for n in decision.inputs)]
    return any(c.holds_sensitive for c in contracts)


def _rows_in(
    work: Work, decision: Decision, views: Mapping[str, str], span: Span | None
) -> dict[str, int]:
    """Rows read of each partition, as the ledger has them; under "" what all of them share."""
    total: dict[str, int] = defaultdict(int)
    for alias, name in work.dataset.inputs.items():
        other = work.job.find(name)
        if other.is_platforms:
            found = work.connection.execute(f"select count(*) from {views[alias]}").fetchone()
            total[""] += found[0] if found else 0
            continue
        of = decision.inputs[name]
        rows = {k: s.rows if other.is_computed else s.rows_ever for k, s in of.items()}
        if span is None or other.cadence is None:
            total[""] += sum(rows.values())
            continue
        same = other.cadence == span.cadence
        for key in other.cadence.keys(*overlapping(span, other.cadence)):
            total[key if same else ""] += rows.get(key, 0)
    return total


def _outcomes(
    decision: Decision, keys: Sequence[str], rows_in: Mapping[str, int], found: Split
) -> list[Outcome]:
    shared = rows_in.get("", 0)
    of: dict[str, list[Finding]] = {}
    for finding in found.findings:
        of.setdefault(finding.partition, []).append(finding)
    return [
        Outcome(
            partition=key,
            rows_in=rows_in.get(key, 0) + (shared if key else 0),
            rows_out=found.rows.get(key, 0),
            data_version=decision.wanted[key],
            findings=tuple(of.get(key, ())),
            published=True,
            aside=found.aside.get(key, {}),
        )
        for key in keys
    ]
