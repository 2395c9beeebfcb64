"""The one way in which a raw dataset grows: batches with their positions, exactly once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.errors import BranchError
from watermain.engine.audit.audit import audit
from watermain.engine.capture.arrival import TYPED, Arrival
from watermain.engine.capture.drift import Drifting, both
from watermain.engine.capture.landing_net import UNLANDED, UndoError, sound_part
from watermain.engine.capture.lateness import Late, Watermarks
from watermain.engine.capture.repeats import leave_out_repeats
from watermain.engine.capture.traced import landed, traced
from watermain.engine.code.code import code_version
from watermain.engine.publish.publication import Job, Outcome, Publication
from watermain.engine.table.absence import referred
from watermain.engine.table.compaction import tidy
from watermain.engine.table.partition import Span
from watermain.engine.table.row_span import span_of_rows
from watermain.engine.table.staged import Finding, Staged
from watermain.engine.table.table import ensure_table, stored_schema
from watermain.failpoint import failpoint
from watermain.lake import checkpoint, ledger
from watermain.lake.fence import RUN, Lease
from watermain.lake.lake import quote, table, text
from watermain.lake.rest import signed_zero
from watermain.machine.system import peak_memory_bytes
from watermain.settings import load_settings
from watermain.source.opening import open_source
from watermain.source.poison import hushed
from watermain.source.protocol import Batch, Limit, Source
from watermain.trace.message import keep, prepare
from watermain.trace.tracing import part

_NONE = Lease("", 0)


def capture(dataset: Dataset, job: Job, *, source: Source | None = None) -> Publication:
    """Commit what waits at the source as `Intake` does; what a stream holds is left to it."""
    began = time.monotonic()
    settings = load_settings()
    if job.lake.fence.streamed(str(dataset.name)):
        with job.lake.get_connection() as connection:
            idle = _Landing(dataset=dataset, job=job, connection=connection, lease=_NONE)
            return replace(idle.report(began), idle_because="a stream captures it")
    source = source or open_source(dataset, settings, job.connections)
    with intake(dataset, job, source) as held:
        for _ in held.take(Limit(rows=settings.batch_rows, seconds=settings.tick_seconds)):
            pass
        return held.landing.report(began)


@contextmanager
def intake(
    dataset: Dataset, job: Job, source: Source, *, holder: str = RUN, wait_seconds: float = 3600
) -> Iterator[Intake]:
    """Hold the dataset's lease for the block, ready to capture.

    Raises: BranchError, on a branch of the lake: a source has one position.
    """
    name = str(dataset.name)
    if job.lake.branch:
        raise BranchError(
            f"{name} cannot be captured into the branch `{job.lake.branch}`",
            declared=dataset.declared,
            data="unchanged; nothing was asked of the source",
            next=f"watermain materialize {name}, which captures into the lake",
        )
    with (
        job.lake.fence.lease(name, holder=holder, wait_seconds=wait_seconds) as lease,
        job.lake.get_connection() as connection,
    ):
        ensure_table(job.lake, connection, dataset, lease)
        prepare(connection, dataset)
        landing = _Landing(dataset=dataset, job=job, connection=connection, lease=lease)
        ends = checkpoint.ends(connection, dataset.name)
        landing.watermarks = Watermarks.known(dataset, ends)
        before = {shard: end.position for shard, end in ends.items()}
        if before:
            source.acknowledge(before)
        yield Intake(landing=landing, source=source, positions=before)


@dataclass(kw_only=True)
class Intake:
    """Capture batch by batch under one lease and over one connection.

    Guarantees: rows, positions and rejected rows of a batch commit in one lake transaction; the
    source is told only afterwards; every row read is published, quarantined with a reason or
    counted as a repeat. `positions` are the ledger's, for nobody else commits meanwhile.
    """

    landing: _Landing
    source: Source
    positions: dict[str, str]
    taken: int = 0

    def take(self, limit: Limit) -> Iterator[ledger.BatchRow]:
        """Commit what waits at the source; give the ledger row of each batch."""
        landing, name = self.landing, self.landing.dataset.name
        for batch in self.source.batches(after=self.positions, limit=limit):
            ledger.contiguous(self.positions, batch.shard, batch.start, name)
            with traced(landing.dataset, batch, landing.job.run_id, landing.lease):
                recorded = landing.commit(batch, time.monotonic())
            self.positions[batch.shard] = batch.end
            failpoint("ingest.before_acknowledge")
            self.source.acknowledge({batch.shard: batch.end})
            self.taken += 1
            landing.tidy(self.taken)
            yield recorded


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """What a batch was found to hold before its transaction: rows aside, repeated and late."""

    rejected: int
    repeated: int
    late: Late
    span: Span | None


@dataclass(kw_only=True)
class _Landing:
    """The raw table while batches land in it.

    What one batch was found to hold goes from step to step as a value. Here stands what outlives a
    batch: `outcomes` and `size` of all that were committed, the watermarks, and the columns
    that sources showed.
    """

    dataset: Dataset
    job: Job
    connection: duckdb.DuckDBPyConnection
    lease: Lease
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    size: int = 0
    watermarks: Watermarks = field(init=False)
    drift: Drifting = field(init=False)
    arrival: Arrival = field(init=False)

    def __post_init__(self) -> None:
        self.arrival = Arrival(dataset=self.dataset, connection=self.connection)
        self.watermarks = Watermarks(dataset=self.dataset)
        self.drift = Drifting(self.dataset, self.connection, TYPED, self.job.run_id)

    def commit(self, batch: Batch, began: float) -> ledger.BatchRow:
        """Make one batch visible with its ledger row, or nothing of it; odd rows go aside."""
        marks = self.watermarks.copy()
        try:
            return self._commit(batch, began)
        except UNLANDED as error:
            self.watermarks = marks

            def tried(part: Batch) -> None:
                self.connection.execute("reset session preserve_insertion_order")
                with suppress(UndoError):
                    self._commit(part, began, trial=True)
                self.watermarks = marks.copy()

            with sound_part(batch, self.dataset.origin, tried, error) as sound:
                self.connection.execute("reset session preserve_insertion_order")
                return self._commit(sound, began)

    def _counted(self, batch: Batch) -> _Counted:
        """Type a batch, and find out what of it is new, what goes aside and what is late."""
        self.drift.refuse(batch)
        rejected = self.arrival.take(batch, self.drift.carried(batch))
        repeated = leave_out_repeats(self.connection, self.dataset, self.arrival)
        span = self._span()
        late = self.watermarks.late(self.connection, TYPED, span)
        self.watermarks.advance(self.connection, TYPED, batch.shard, self.job.clock.now())
        return _Counted(rejected=rejected, repeated=repeated, late=late, span=span)

    def _commit(self, batch: Batch, began: float, *, trial: bool = False) -> ledger.BatchRow:
        counted = self._counted(batch)
        target = table(self.dataset.name)
        fresh: list[Outcome] = []
        message = f"capture {self.dataset.name} {batch.batch_id} by {self.job.run_id}"
        failpoint("ingest.before_transaction")
        with self.job.lake.transaction(self.connection, self.lease, message) as written:
            if batch.reset:
                oldest = f"(select min(_lsn) from {TYPED})"
                newest = f"(select max(_lsn) + 1 from {target})"
                self._bury(batch, "true", seq="-1", lsn=f"coalesce({oldest}, {newest})")
            columns = ", ".join(quote(n) for n in stored_schema(self.dataset).names)
            columns += self.drift.land(batch, self.job.clock.now())
            with part("stage"):
                self._land(batch, columns)
            self._truncates(batch)
            failpoint("ingest.after_rows_before_ledger")
            span = self._span(batch) if batch.reset or self._truncated() else counted.span
            fresh = self._outcomes(batch, span)
            self._quarantine(batch, counted)
            size = written.sync(last=True)
            recorded = self._record(batch, counted, began)
            messages = keep(self.connection, self.dataset, batch.batch_id, TYPED)
            self._publish(fresh, recorded, size)
            if trial:
                raise UndoError
            failpoint("ingest.after_ledger_before_commit")
        failpoint("ingest.after_commit")
        landed(recorded, messages)
        self.size += size
        for outcome in fresh:
            self.outcomes[outcome.partition] = both(self.outcomes.get(outcome.partition), outcome)
        return recorded

    def tidy(self, taken: int) -> None:
        """Make few files of many, now and then: a stream never lets its lease go."""
        turn = self.lease.epoch + taken
        tidy(self.job.lake, self.connection, self.dataset.name, self.lease, turn)

    def _land(self, batch: Batch, columns: str) -> None:
        """Write the rows; how they lie in a file means nothing, so each thread writes its own."""
        self.connection.execute("set session preserve_insertion_order = false")
        floats = signed_zero.floating(stored_schema(self.dataset))
        for piece in self.arrival.pieces(batch):
            signed_zero.written(
                self.connection,
                table(self.dataset.name),
                f"select {columns} from {TYPED} where _reason is null{self._no_truncates()}{piece}",
                floats,
            )
        self.connection.execute("reset session preserve_insertion_order")

    def _span(self, batch: Batch | None = None) -> Span | None:
        relation, where = TYPED, "_reason is null"
        if batch is not None:
            relation = table(self.dataset.name)
            where = f"_batch_id = {text(batch.batch_id)}"
        return span_of_rows(self.connection, self.dataset, relation, where)

    def _no_truncates(self) -> str:
        is_row = self.dataset.origin.row_sql
        return f" and {is_row}" if is_row else ""

    def _truncated(self) -> bool:
        if not (is_row := self.dataset.origin.row_sql):
            return False
        row = self.connection.execute(f"select count(*) from {TYPED} where not {is_row}").fetchone()
        return bool(row and row[0])

    def _truncates(self, batch: Batch) -> None:
        if not self._truncated():
            return
        for lsn, seq in self.connection.execute(
            f"select _lsn, _seq from {TYPED} where _op = 't' order by 1, 2"
        ).fetchall():
            self._bury(batch, f"(_lsn, _seq) < ({lsn}, {seq})", lsn=str(lsn), seq=str(seq))

    def _bury(self, batch: Batch, where: str, *, lsn: str, seq: str) -> None:
        """Write a tombstone for every key alive, so that old partitions learn of its end."""
        target, contract = table(self.dataset.name), self.dataset.contract
        keys = ", ".join(quote(k) for k in contract.key)
        columns = ", ".join(quote(c.name) for c in contract.columns)
        self.connection.execute(
            f"insert into {target} by name select {columns}, 't' as _op, {lsn} as _lsn,"
            f" {seq} as _seq, _xid, _commit_at, {text(batch.batch_id)} as _batch_id"
            f" from {target} where {where} qualify row_number() over (partition by {keys}"
            " order by _lsn desc, _seq desc) = 1 and _op not in ('d', 't')"
        )

    def _outcomes(self, batch: Batch, span: Span | None) -> list[Outcome]:
        # Reading back from the table costs more with each file it has; only tombstones need it.
        relation, where = TYPED, "_reason is null"
        if batch.reset or self._truncated():
            relation = table(self.dataset.name)
            where = f"_batch_id = {text(batch.batch_id)}"
        if span is not None:
            where += " and " + span.filter(self.dataset.contract)
        staged = Staged(
            dataset=self.dataset,
            relation=relation,
            where=where,
            span=span,
            others=lambda name: referred(self.connection, name, self.job.find),
        )
        if span is None and self.dataset.cadence is not None:
            return []
        rows, findings = audit(self.connection, staged, None if span else [""])
        of: dict[str, list[Finding]] = {key: [] for key in rows}
        for finding in (*findings, *self.drift.findings(staged, rows)):
            of[finding.partition].append(finding)
        return [
            Outcome(
                partition=key,
                rows_in=count,
                rows_out=count,
                data_version=batch.batch_id[:32],
                findings=(*of[key], *_inside(key, span)),
                published=True,
            )
            for key, count in rows.items()
            if count
        ]

    def _quarantine(self, batch: Batch, counted: _Counted) -> None:
        columns = "dataset, batch_id, position, reason, payload"
        values = [str(self.dataset.name), batch.batch_id]
        now = f"timestamptz {text(self.job.clock.now().isoformat())}"
        ends = f"{text(self.dataset.contract.version)}, {text(self.job.run_id)}, {now}"
        position = self.dataset.origin.position_sql(text(batch.shard))
        said = hushed("reason") if self.dataset.contract.holds_sensitive else "reason"
        if counted.rejected:
            self.connection.execute(
                f"insert into {ledger.QUARANTINE} ({columns}, contract_version, run_id,"
                f" quarantined_at) select ?, ?, {position}, _reason, _payload,"
                f" {ends} from {TYPED} where _reason is not null",
                values,
            )
        if batch.rejected.num_rows:
            self.connection.register("unread", batch.rejected)
            self.connection.execute(
                f"insert into {ledger.QUARANTINE} ({columns}, contract_version, run_id,"
                f" quarantined_at) select ?, ?, position, {said}, payload, {ends} from unread",
                values,
            )

    def _record(self, batch: Batch, counted: _Counted, began: float) -> ledger.BatchRow:
        """Write down where the batch ends, in the transaction of its rows."""
        recorded = ledger.BatchRow(
            stream=str(self.dataset.name),
            shard=batch.shard,
            from_position=batch.start,
            to_position=batch.end,
            batch_id=batch.batch_id,
            rows=batch.row_count - counted.rejected - counted.repeated,
            quarantined=counted.rejected + batch.rejected.num_rows,
            content_hash=batch.content_hash,
            contract_version=self.dataset.contract.version,
            epoch=self.lease.epoch,
            run_id=self.job.run_id,
            committed_at=self.job.clock.now(),
            rows_in=batch.row_count + batch.rejected.num_rows + batch.repeated,
            repeated=counted.repeated + batch.repeated,
            late=counted.late.rows,
            late_partitions=counted.late.partitions,
            newest_at=self.watermarks.newest(batch.shard),
            watermark_at=self.watermarks.reached,
            seconds=time.monotonic() - began,
        )
        ledger.append(self.connection, [recorded])
        return recorded

    def _publish(self, fresh: list[Outcome], recorded: ledger.BatchRow, size: int) -> None:
        """Write down the partitions that got rows, which share the batch's bytes and seconds."""
        share = max(1, len(fresh))
        ledger.append(
            self.connection, [self._published(o, recorded, size // share, share) for o in fresh]
        )

    def _published(
        self, outcome: Outcome, recorded: ledger.BatchRow, size: int, share: int
    ) -> ledger.PublishRow:
        contract = self.dataset.contract
        return ledger.PublishRow(
            dataset=str(self.dataset.name),
            partition=outcome.partition,
            data_version=outcome.data_version,
            code_version=code_version(self.dataset),
            contract_version=contract.version,
            contract_hash=contract.hash,
            rows_in=outcome.rows_in,
            rows_out=outcome.rows_out,
            bytes=size,
            seconds=recorded.seconds / share,
            peak_memory=peak_memory_bytes(),
            input_snapshot=0,
            epoch=self.lease.epoch,
            run_id=self.job.run_id,
            published_at=recorded.committed_at,
            failing=outcome.failing,
        )

    def report(self, began: float) -> Publication:
        """What the whole capture did."""
        return Publication(
            dataset=self.dataset,
            outcomes=tuple(sorted(self.outcomes.values(), key=lambda o: o.partition)),
            code_version=code_version(self.dataset),
            input_snapshot=0,
            output_snapshot=self.job.lake.snapshot(self.connection),
            seconds=time.monotonic() - began,
            bytes=self.size,
            peak_memory=peak_memory_bytes(),
        )


def _inside(key: str, span: Span | None) -> tuple[Finding, ...]:
    if span is None:
        return ()
    return (Finding(check="within_partition", partition=key, failing=0, rows=1, severity="block"),)
