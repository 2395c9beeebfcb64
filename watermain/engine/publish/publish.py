"""The one way in which a computed dataset changes: stage, audit, publish."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import duckdb

from watermain.declare.check import Steady
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.audit.audit import audit
from watermain.engine.audit.need_check import audit_needs, need_samples
from watermain.engine.audit.partition_rule import means
from watermain.engine.code.code import code_version
from watermain.engine.publish.carried_code import carried_code
from watermain.engine.publish.damage import prove_inputs
from watermain.engine.publish.publication import Job, Outcome, Publication, runs_of
from watermain.engine.publish.split import RunAtWork, Split, split
from watermain.engine.table.absence import is_absent, nothing_of
from watermain.engine.table.body import staged_sql
from watermain.engine.table.compaction import tidy
from watermain.engine.table.order import refuse_unpublished
from watermain.engine.table.partition import Span, overlapping
from watermain.engine.table.staged import Finding, Staged, outside
from watermain.engine.table.table import ensure_table, stored_schema
from watermain.failpoint import failpoint
from watermain.lake import ledger
from watermain.lake.fence import Lease
from watermain.lake.lake import table, text
from watermain.lake.rest import signed_zero
from watermain.lake.rest.signed_zero import floating
from watermain.lake.written import Written
from watermain.machine.system import peak_memory_bytes

Versions = Mapping[DatasetName, Mapping[str, str]]


def publish(dataset: Dataset, span: Span | None, job: Job) -> Publication:
    """Compute partitions, audit them, make those that pass visible in one lake transaction.

    Guarantees: readers see a partition as before or as after; a partition that a blocking check
    refuses keeps its old rows; the same inputs with the same code publish nothing.
    """
    dataset.refuse_broken()
    began = time.monotonic()
    with (
        job.lake.fence.lease(str(dataset.name)) as lease,
        job.lake.get_connection() as connection,
    ):
        anew = job.rebuild and job.cut is None
        ensure_table(job.lake, connection, dataset, lease, rebuild=anew)
        refuse_unpublished(connection, dataset)
        if job.rebuild:
            prove_inputs(dataset, span, job, connection)
        bench = Bench(dataset=dataset, span=span, job=job, connection=connection, lease=lease)
        attempt, outcomes = bench.first_attempt(began)
        if bench.former is None:
            bench.former = carried_code(dataset, job.lake, connection, lease)
            attempt, outcomes = bench.first_attempt(began)
        if attempt is None:
            return bench.ended(bench.report(outcomes, began), began)
        blocked = {o.partition for o in attempt.outcomes if o.blocked}
        if not blocked:
            return replace(attempt, outcomes=(*attempt.outcomes, *outcomes))
        if job.cut is not None:
            return attempt
        outcomes += [o for o in attempt.outcomes if o.blocked]
        passing = [k for k in bench.changed if k not in blocked]
        for run in runs_of(passing, bench.changed):
            outcomes += bench.attempt(run, began).outcomes
        return bench.ended(bench.report(outcomes, began, samples=attempt.samples), began)


@dataclass(kw_only=True)
class Bench:
    """One dataset on the workbench: its inputs pinned, its versions known.

    Shapes: `former` are versions of code that mean today's; None while nobody looked for them.
    """

    dataset: Dataset
    span: Span | None
    job: Job
    connection: duckdb.DuckDBPyConnection
    lease: Lease
    snapshot: int = 0
    code: str = ""
    former: tuple[str, ...] | None = None
    wanted: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    is_first: bool = False
    standing: set[str] = field(default_factory=set)
    stood: frozenset[str] = frozenset()
    inputs: dict[DatasetName, dict[str, ledger.Standing]] = field(default_factory=dict)

    def bind(self) -> None:
        """Decide which partitions have new inputs or new code at the transaction's snapshot."""
        self.snapshot = self.job.lake.snapshot(self.connection)
        self.code = code_version(self.dataset)
        names = {*self.dataset.inputs.values(), self.dataset.name}
        self.inputs = ledger.standing(self.connection, names)
        own = self.inputs.pop(self.dataset.name)
        if self.former is None and all(c == self.code for s in own.values() for c in s.codes):
            self.former = ()
        known = {k: s.version for k, s in own.items()}
        self.is_first, self.standing, self.stood = not known, set(known), frozenset(known)
        keys = self.span.keys if self.span else [""]
        versions = {n: {k: s.version for k, s in of.items()} for n, of in self.inputs.items()}
        self.wanted = {key: self._version(self.code, key, versions) for key in keys}
        stale = [key for key in keys if self.job.rebuild or not self._stands(key, known, versions)]
        self.changed = keys[keys.index(stale[0]) : keys.index(stale[-1]) + 1] if stale else []
        self.wanted |= {k: known[k] for k in keys if k not in self.changed}

    def _stands(self, key: str, known: Mapping[str, str], inputs: Versions) -> bool:
        """Whether a partition is what today's code, told as now or as formerly, would make it."""
        codes = (self.code, *(self.former or ())) if key in known else ()
        return any(self._version(code, key, inputs) == known[key] for code in codes)

    def _version(self, code: str, key: str, inputs: Versions) -> str:
        parts = [code]
        for name, versions in sorted(inputs.items()):
            other = self.job.find(name)
            if other.is_platforms:
                parts.append(f"{name}@{self.snapshot}")
            elif other.cadence is None or self.span is None:
                parts += [f"{name}/{k}={v}" for k, v in sorted(versions.items())]
            elif other.cadence == self.span.cadence and not self.dataset.looks_back(name):
                parts.append(f"{name}/{key}={versions.get(key)}")
            else:
                back = self.dataset.looks_back(name)
                first, last = overlapping(Span(self.span.cadence, key, key), other.cadence, back)
                needed = other.cadence.keys(first, last)
                parts += [f"{name}/{k}={versions.get(k)}" for k in needed]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

    def _views(self, span: Span | None, at: str) -> dict[str, str]:
        views = {}
        for alias, name in self.dataset.inputs.items():
            other = self.job.find(name)
            where, shown = "", "*"
            if other.can_quarantine and not other.is_computed:  # columns beyond the contract
                known = ", ".join(text(n) for n in stored_schema(other).names)
                shown = f"columns(lambda name: list_contains([{known}], name))"
            if span is not None and other.cadence is not None:
                back = self.dataset.looks_back(name)
                first, last = overlapping(span, other.cadence, back)
                where = " where " + Span(other.cadence, first, last).filter(other.contract)
            views[alias] = f"input_{alias}"
            given = f"select {shown} from {table(name)}{at}{where}"
            if is_absent(self.dataset, other, self.inputs[name]):
                given = nothing_of(self.connection, other)
            self.connection.execute(f"create or replace temp view input_{alias} as {given}")
        return views

    def first_attempt(self, began: float) -> tuple[Publication | None, list[Outcome]]:
        """Publish what has changed, from the snapshot that the transaction itself reads.

        Give None where nothing has, or where former versions of code are to be looked for first;
        beside it the partitions that stand.
        """
        attempt, outcomes = None, []
        with self._transaction() as written:
            self.bind()
            if self.former is None:
                raise _LeaveError
            outcomes = self.unchanged()
            if not self.changed:
                raise _LeaveError
            attempt = self._stage(self.changed, began, written, at="")
            if any(o.blocked for o in attempt.outcomes):
                raise _LeaveError
        return attempt and self.ended(attempt, began), outcomes

    def attempt(self, keys: list[str], began: float) -> Publication:
        """Publish some partitions from the snapshot that was read first."""
        self.is_first = False  # an attempt before this one may have filled the table
        self.standing |= set(self.changed)
        with self._transaction() as written:
            at = f" at (version => {self.snapshot})"
            attempt = self._stage(keys, began, written, at=at)
            if any(o.blocked for o in attempt.outcomes):
                raise _LeaveError
        return self.ended(attempt, began)

    def _stage(self, keys: list[str], began: float, written: Written, *, at: str) -> Publication:
        """Stage the partitions, audit them; where none is refused, write the ledger too."""
        span = Span(self.span.cadence, keys[0], keys[-1]) if self.span else None
        views = self._views(span, at)
        sql = staged_sql(self.connection, self.dataset, views, secretive=self._is_secretive())
        if span and any(n.before for n in self.dataset.needs.values()):
            sql = f"{sql} where {span.filter(self.dataset.contract)}"  # rows that only looked back
        staged = self._staged(span, at)
        target, where = staged.relation, staged.where if span else "true"
        if self.is_first:  # whatever the table will hold is staged here
            staged = replace(staged, where="true")
        elif self.job.cut is None:  # a cut retires every file that has rows of these partitions
            self.connection.execute(f"delete from {target} where {staged.where}")
        floats = floating(stored_schema(self.dataset))
        written_rows = signed_zero.written(self.connection, target, sql, floats)
        failpoint("publish.after_stage")
        with ThreadPoolExecutor(1) as beside:
            flushed = beside.submit(written.sync)
            rows_in = self._rows_in(views, span)
            staged = replace(staged, files=written.data_files(), written=written_rows)
            found = split(self.connection, staged, keys, self._writer())
            found.findings.extend(outside(found.computed, written_rows, where))
            needed = audit_needs(self.connection, self.dataset, views, keys, staged.others)
            found.findings.extend(needed)
            why = need_samples(self.connection, self.dataset, views, self.job.find, needed)
        outcomes = self._outcomes(keys, rows_in, found)
        refused = any(o.blocked for o in outcomes)
        report = self.report(
            outcomes, began, size=flushed.result(), samples={**found.samples, **why}
        )
        if not refused:
            self._remember(staged)
            ledger.append(self.connection, self._ledger_rows(report))
            failpoint("publish.after_data_before_commit")
        return report

    def ended(self, attempt: Publication, began: float) -> Publication:
        """The same once its transaction is over: what readers see now, how long it took."""
        snapshot = self.job.lake.snapshot(self.connection)
        tidy(self.job.lake, self.connection, self.dataset.name, self.lease, self.lease.epoch)
        return replace(attempt, output_snapshot=snapshot, seconds=time.monotonic() - began)

    @contextmanager
    def _transaction(self) -> Iterator[Written]:
        message = f"publish {self.dataset.name} by {self.job.run_id}"
        try:
            retired = self.job.cut.numbers if self.job.cut else ()
            with self.job.lake.transaction(
                self.connection, self.lease, message, retired=retired
            ) as written:
                yield written
        except _LeaveError:
            return

    def _rows_in(self, views: Mapping[str, str], span: Span | None) -> dict[str, int]:
        """Rows read of each partition, as the ledger has them; under "" what all of them share."""
        total: dict[str, int] = defaultdict(int)
        for alias, name in self.dataset.inputs.items():
            other = self.job.find(name)
            if other.is_platforms:
                found = self.connection.execute(f"select count(*) from {views[alias]}").fetchone()
                total[""] += found[0] if found else 0
                continue
            captured, of = not other.is_computed, self.inputs[name]
            rows = {k: s.rows_ever if captured else s.rows for k, s in of.items()}
            if span is None or other.cadence is None:
                total[""] += sum(rows.values())
                continue
            same = other.cadence == span.cadence
            for key in other.cadence.keys(*overlapping(span, other.cadence)):
                total[key if same else ""] += rows.get(key, 0)
        return total

    def _outcomes(
        self,
        keys: list[str],
        rows_in: Mapping[str, int],
        found: Split,
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
                data_version=self.wanted[key],
                findings=tuple(of.get(key, ())),
                published=True,
                aside=found.aside.get(key, {}),
            )
            for key in keys
        ]

    def _is_secretive(self) -> bool:
        """Whether a value that the body has before it may be for nobody's eyes."""
        contracts = [self.dataset.contract, *(self.job.find(n).contract for n in self.inputs)]
        return any(c.holds_sensitive for c in contracts)

    def _staged(self, span: Span | None, at: str) -> Staged:
        where = span.filter(self.dataset.contract) if span else "true"
        sound = self.job.cut.sound if self.job.cut else "true"
        return Staged(
            dataset=self.dataset,
            relation=table(self.dataset.name),
            where=f"{where} and {sound}" if self.job.cut else where,
            span=span,
            sound=sound,
            others=lambda name: f"{table(name)}{'' if name == self.dataset.name else at}",
            history=span is not None and bool(self.standing - set(span.keys)),
            now=self.job.clock.now(),
        )

    def _writer(self) -> RunAtWork:
        return RunAtWork(job=self.job, code=self.code, epoch=self.lease.epoch)

    def _remember(self, staged: Staged) -> None:
        """Keep the means that later partitions are compared with."""
        for check in self.dataset.all_checks:
            for column in check.columns() if isinstance(check, Steady) else ():
                found = means(self.connection, staged, column)
                name, epoch = str(self.dataset.name), self.lease.epoch
                ledger.remember_means(self.connection, name, column, found, epoch)

    def unchanged(self) -> list[Outcome]:
        """The partitions that stand as they would be computed, their checks run again."""
        keys = [key for key in self.wanted if key not in self.changed]
        if not keys:
            return []
        rows, findings = audit(self.connection, self._staged(self.span, ""), list(self.wanted))
        return [
            Outcome(
                partition=key,
                rows_in=0,
                rows_out=rows[key],
                data_version=self.wanted[key],
                findings=(
                    *(f for f in findings if f.partition == key),
                    *outside({key: rows[key]}, rows[key], "" if key else "true"),
                ),
                published=False,
            )
            for key in keys
        ]

    def audited(self) -> tuple[Outcome, ...]:
        """The partitions that stand, with what is wrong with the inputs that they rely on."""
        views = self._views(self.span, "")
        keys = list(self.wanted)
        of = audit_needs(
            self.connection, self.dataset, views, keys, self._staged(self.span, "").others
        )
        return tuple(
            replace(o, findings=(*o.findings, *(f for f in of if f.partition == o.partition)))
            for o in self.unchanged()
        )

    def report(
        self,
        outcomes: list[Outcome],
        began: float,
        *,
        size: int = 0,
        samples: Mapping[str, list[str]] | None = None,
    ) -> Publication:
        """The publication as it stands now."""
        return Publication(
            dataset=self.dataset,
            outcomes=tuple(sorted(outcomes, key=lambda o: o.partition)),
            code_version=self.code,
            input_snapshot=self.snapshot,
            output_snapshot=self.snapshot,
            seconds=time.monotonic() - began,
            bytes=size,
            peak_memory=peak_memory_bytes(),
            samples=samples or {},
            stood=self.stood,
        )

    def _ledger_rows(self, report: Publication) -> list[ledger.PublishRow]:
        now, share = self.job.clock.now(), max(1, len(report.outcomes))
        return [
            ledger.PublishRow(
                dataset=str(self.dataset.name),
                partition=o.partition,
                data_version=o.data_version,
                code_version=self.code,
                contract_version=self.dataset.contract.version,
                contract_hash=self.dataset.contract.hash,
                rows_in=o.rows_in,
                rows_out=o.rows_out,
                bytes=report.bytes // share,
                seconds=report.seconds / share,
                peak_memory=report.peak_memory,
                input_snapshot=self.snapshot,
                epoch=self.lease.epoch,
                run_id=self.job.run_id,
                published_at=now,
                failing=o.failing,
                rows_quarantined=sum(o.aside.values()),
            )
            for o in report.outcomes
        ]


class _LeaveError(Exception):
    """Leave the transaction without a commit."""
