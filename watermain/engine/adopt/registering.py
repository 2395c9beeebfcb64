"""Pieces registered in the lake as they are, each with its row in the ledger."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.errors import BranchError, InvalidProjectError, SourceError
from watermain.engine.adopt.piece import Piece
from watermain.engine.adopt.placing import Ground, Placed, batch_of
from watermain.engine.adopt.storage import Uncut, uncut
from watermain.engine.audit.audit import audit
from watermain.engine.capture.lateness import Watermarks
from watermain.engine.code.code import code_version
from watermain.engine.publish.publication import Job, Outcome
from watermain.engine.table.absence import referred
from watermain.engine.table.partition import Span
from watermain.engine.table.row_span import span_of_rows
from watermain.engine.table.staged import WINDOW, Finding, Staged
from watermain.engine.table.table import ensure_table
from watermain.failpoint import failpoint
from watermain.lake import checkpoint, ledger
from watermain.lake.lake import table, text
from watermain.lake.store import is_remote
from watermain.lake.written import Written
from watermain.machine.system import peak_memory_bytes

MOST_FILES = 64  # of one transaction
WAIT_SECONDS = 60.0
HOLDER = "adopt"
_ADOPTED = "watermain_adopted"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Pieces that become visible together: those that begin in one month.

    Shapes: `month` is empty for rows without an event time.
    """

    month: str
    pieces: tuple[Piece, ...]


@dataclass(kw_only=True)
class Registered:
    """What was registered so far; `before` counts pieces that the ledger had already.

    Units: `linked_bytes` are those of files that lie where they lay, and `written_bytes` were
    written.
    """

    files: int = 0
    rows: int = 0
    linked_bytes: int = 0
    written_bytes: int = 0
    before: int = 0
    partitions: set[str] = field(default_factory=set)


def groups(pieces: Iterable[Piece]) -> list[Group]:
    """Sort pieces by the month that they begin in, the oldest first, a bounded number together."""
    found: dict[str, list[Piece]] = {}
    for piece in pieces:
        low = piece.measured.low if piece.measured else None
        found.setdefault("" if low is None else f"{low:%Y-%m}", []).append(piece)
    return [
        Group(month=month, pieces=tuple(some[begin : begin + MOST_FILES]))
        for month, some in sorted(found.items())
        for begin in range(0, len(some), MOST_FILES)
    ]


@contextmanager
def registering(dataset: Dataset, job: Job, *, copies: bool = False) -> Iterator[Registering]:
    """Hold the dataset's lease for the block, ready to register pieces.

    Raises: BranchError, on a branch of the lake; InvalidProjectError, for a lake on a store.
    """
    name, lake = str(dataset.name), job.lake
    if lake.branch:
        raise BranchError.nothing_happened(
            f"{name} cannot be adopted into the branch `{lake.branch}`",
            declared=dataset.declared,
            next="adopt it into the lake; a branch made afterwards has it",
        )
    if is_remote(lake.folder):
        raise InvalidProjectError.nothing_happened(
            f"the lake lies at {lake.folder}, where a local file cannot be registered as it is",
            declared="WATERMAIN_LAKE_PATH",
            next="copy the files to the store, and capture them there: watermain new source",
        )
    ground = Ground(
        dataset=dataset,
        table=Path(lake.folder) / dataset.name.schema / dataset.name.table,
        copies=copies,
    )
    with (
        lake.fence.lease(name, holder=HOLDER, wait_seconds=WAIT_SECONDS) as lease,
        lake.get_connection() as connection,
    ):
        ensure_table(lake, connection, dataset, lease)
        ends = checkpoint.ends(connection, dataset.name)
        with uncut(lake, connection, dataset, lease) as target:
            yield Registering(
                target=target,
                job=job,
                ground=ground,
                known=set(ends),
                watermarks=Watermarks.known(dataset, ends),
            )


@dataclass(kw_only=True)
class Registering:
    """The table while pieces are registered in it, group by group.

    Guarantees: a group's files, their ledger rows and the partitions that they publish commit in
    one transaction; a piece whose shard the ledger knows is passed over, so that whatever was
    interrupted is done once when it is done again.
    """

    target: Uncut
    job: Job
    ground: Ground
    known: set[str]
    watermarks: Watermarks
    done: Registered = field(default_factory=Registered)

    @property
    def dataset(self) -> Dataset:
        """What is adopted."""
        return self.target.dataset

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The one connection of the whole adoption."""
        return self.target.connection

    def take(self, group: Group) -> None:
        """Make a group visible, or what of it is not in the lake yet."""
        began = time.monotonic()
        placed = list(self._placed(group))
        if not placed:
            return
        self.target.open()
        marks, lease = self.watermarks.copy(), self.target.lease
        failpoint("adopt.before_transaction")
        message = f"adopt {self.dataset.name} {group.month} by {self.job.run_id}"
        try:
            with self.job.lake.transaction(self.connection, lease, message) as written:
                self._register(placed, written)
                failpoint("adopt.after_files_before_ledger")
                outcomes = self._outcomes(placed)
                self._record(placed, outcomes, time.monotonic() - began)
                failpoint("adopt.after_ledger_before_commit")
        except BaseException:
            self.watermarks = marks
            raise
        failpoint("adopt.after_commit")
        self._count(placed, outcomes)

    def refuse_other_state(self, pieces: Sequence[Piece]) -> None:
        """Refuse rows of a table that changed since some of them were adopted.

        Raises: SourceError.
        """
        wanted = {piece.mark for piece in pieces if "@" in piece.mark}
        families = {mark.rpartition("/")[0] for mark in wanted}
        known = {shard.partition("/")[2] for shard in self.known if shard.startswith("adopted/")}
        other = [m for m in known - wanted if m.rpartition("/")[0] in families and "@" in m]
        if other:
            raise SourceError(
                f"{self.dataset.name}: the file changed since {len(other)} pieces of the table"
                " were adopted: their rows would come twice",
                declared=self.dataset.declared,
                data="what was adopted stands, and nothing more was",
                next="put the file back as it was; or drop what is new as Parquet",
            )

    def _placed(self, group: Group) -> Iterator[Placed]:
        """Bring the files of a group to their places, but none that the lake has."""
        for piece in group.pieces:
            found = None
            if not (piece.mark and batch_of(piece, "").shard in self.known):
                found = self.ground.place(piece, self.known)
            if found is None:
                self.done.before += 1
                continue
            self.known.add(found.batch.shard)
            failpoint("adopt.after_file_before_transaction")
            yield found

    def _register(self, placed: Sequence[Placed], written: Written) -> None:
        """Add the files to the snapshot that is being made, with their checksums."""
        name = self.dataset.name
        files = ", ".join(text(str(each.path)) for each in placed if each.piece.rows)
        if files:
            self.connection.execute(
                f"call ducklake_add_data_files('lake', {text(name.table)}, [{files}],"
                f" schema => {text(name.schema)}, allow_missing => true,"
                " ignore_extra_columns => true, hive_partitioning => true)"
            )
        for each in placed:
            changed_at = os.stat(each.path).st_mtime_ns
            written.paths.add(str(each.path))
            written.sums[str(each.path)] = (changed_at, each.checksum)

    def _outcomes(self, placed: Sequence[Placed]) -> list[Outcome]:
        """Audit the rows where they lie; what captured rows are held to, these are, too."""
        ids = ", ".join(text(each.batch.batch_id) for each in placed)
        relation, where = table(self.dataset.name), f"_batch_id in ({ids})"
        span = span_of_rows(self.connection, self.dataset, relation, where)
        if span is None and self.dataset.cadence is not None:
            return []
        if span is not None:
            where += " and " + span.filter(self.dataset.contract)
        staged = Staged(
            dataset=self.dataset,
            relation=relation,
            where=where,
            span=span,
            others=lambda name: referred(self.connection, name, self.job.find),
        )
        rows, findings = audit(self.connection, staged, None if span else [""])
        version = hashlib.sha256(ids.encode()).hexdigest()[:32]
        return [
            Outcome(
                partition=key,
                rows_in=count,
                rows_out=count,
                data_version=version,
                findings=(*(f for f in findings if f.partition == key), *_inside(key, span)),
                published=True,
            )
            for key, count in rows.items()
            if count
        ]

    def _record(self, placed: Sequence[Placed], outcomes: list[Outcome], seconds: float) -> None:
        """Write down which pieces the lake has now, and the partitions that got their rows."""
        now = self.job.clock.now()
        batches = [self._batch(each, now, seconds / len(placed)) for each in placed]
        ledger.append(self.connection, batches)
        share = max(1, len(outcomes))
        size = sum(each.checksum.bytes for each in placed) // share
        ledger.append(
            self.connection,
            [self._published(each, now, seconds / share, size) for each in outcomes],
        )

    def _batch(self, placed: Placed, now: datetime, seconds: float) -> ledger.BatchRow:
        """The ledger's row of a piece, alike to that of a captured file."""
        self._advance(placed)
        batch = placed.batch
        return ledger.BatchRow(
            stream=str(self.dataset.name),
            shard=batch.shard,
            from_position=batch.start,
            to_position=batch.end,
            batch_id=batch.batch_id,
            rows=placed.piece.rows,
            quarantined=0,
            content_hash=placed.checksum.text,
            contract_version=self.dataset.contract.version,
            epoch=self.target.lease.epoch,
            run_id=self.job.run_id,
            committed_at=now,
            rows_in=placed.piece.rows,
            newest_at=self.watermarks.newest(batch.shard),
            watermark_at=self.watermarks.reached,
            seconds=seconds,
        )

    def _published(
        self, outcome: Outcome, now: datetime, seconds: float, size: int
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
            seconds=seconds,
            peak_memory=peak_memory_bytes(),
            input_snapshot=0,
            epoch=self.target.lease.epoch,
            run_id=self.job.run_id,
            published_at=now,
            failing=outcome.failing,
        )

    def _advance(self, placed: Placed) -> None:
        """Move the watermarks on by a piece, as its capture would have done.

        What is adopted is history: none of it is late.
        """
        if self.dataset.cadence is None:
            return
        self.connection.execute(
            f"create or replace temp view {_ADOPTED} as select *, null::varchar as _reason"
            f" from {table(self.dataset.name)}"
            f" where _batch_id = {text(placed.batch.batch_id)}"
        )
        now = self.job.clock.now()
        self.watermarks.advance(self.connection, _ADOPTED, placed.batch.shard, now)

    def _count(self, placed: Sequence[Placed], outcomes: Sequence[Outcome]) -> None:
        done = self.done
        done.files += len(placed)
        done.rows += sum(each.piece.rows for each in placed)
        done.written_bytes += sum(each.written for each in placed)
        done.linked_bytes += sum(each.checksum.bytes for each in placed if not each.written)
        done.partitions |= {each.partition for each in outcomes}


def _inside(key: str, span: Span | None) -> tuple[Finding, ...]:
    if span is None:
        return ()
    return (Finding(check=WINDOW, partition=key, failing=0, rows=1, severity="block"),)
