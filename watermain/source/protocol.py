"""The protocol that every source of raw rows speaks."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.parquet as pq

from watermain.declare.dataset import Dataset
from watermain.source.content import content_hash
from watermain.source.extra import EXTRA

_READ_ROWS = 8192
REJECTED = pa.schema([("position", pa.string()), ("reason", pa.string()), ("payload", pa.string())])


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Say what the raw dataset declares: whose rows, which columns, and what names one row.

    `types` are those of the columns; without them every value is read as text one by one.
    `declared` is the file and line of the declaration, for errors. With `keeps_extra` each row
    brings what nobody declared in a column `_extra`, a JSON object of texts.
    """

    dataset: str
    columns: tuple[str, ...]
    types: tuple[pa.DataType, ...] = ()
    key: tuple[str, ...] = ()
    partition_by: str | None = None
    declared: str = ""
    keeps_extra: bool = False

    @property
    def carried(self) -> tuple[str, ...]:
        """Name the columns of text that a row brings: the declared ones and then `_extra`."""
        return (*self.columns, EXTRA) if self.keeps_extra else self.columns

    @staticmethod
    def of(dataset: Dataset) -> Shape:
        """Take what matters to a source from a declared raw dataset."""
        contract = dataset.contract
        return Shape(
            dataset=str(dataset.name),
            columns=tuple(column.name for column in contract.columns),
            types=tuple(column.type for column in contract.columns),
            key=contract.key,
            partition_by=contract.event_time,
            declared=dataset.declared,
            keeps_extra=True,
        )


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Bound one call: `rows` and `bytes` close a batch, and `seconds` ends the call.

    Guarantees: a limit is a wish about size and never about integrity. What must stay whole (a
    source transaction, a file) arrives whole, in bounded memory, even when it is larger.
    """

    rows: int = 100_000
    bytes: int = 64 * 2**20
    seconds: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """Tell how much waits at the source; None where a source cannot tell cheaply.

    Units: `bytes` are those that the source has to keep for us, be they ours to read or not.
    """

    rows: int | None = None
    bytes: int | None = None
    files: int | None = None
    oldest: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Say whether a run would find nothing: a known row or file count decides."""
        counts = [n for n in (self.rows, self.files) if n is not None]
        return not any(counts) if counts else not self.bytes

    @property
    def finest(self) -> tuple[int, str] | None:
        """What waits with its unit: rows, else files, else bytes; None where nobody can tell."""
        counts = ((self.rows, "rows"), (self.files, "files"), (self.bytes, "bytes"))
        return next(((count, unit) for count, unit in counts if count is not None), None)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Hold rows that reach the lake together, and the positions they lie between.

    Shapes: every declared column is a string with null for SQL NULL, or of a type which its own
    only widens, where the source had the value so; then come the change columns of the kind. `rows`
    is a table or a Parquet file when the rows are too many for memory.
    Guarantees: `start` equals the `end` of the batch before it in the same shard, or "" for
    the first; positions compare by equality only. The same start and the same end give the same
    rows and the same hash.
    A batch without rows only moves the position. `repeated` counts what the source gave again,
    which is left out here because an earlier batch holds it. The Parquet file lives until the
    iterator that gave the batch is asked for the next one. `missing_columns` are declared ones that
    the source showed to be gone; `unknown_columns` that have values are in `_extra` where it is
    kept.
    """

    shard: str
    start: str
    end: str
    rows: Path | pa.Table
    reset: bool = False
    rejected: pa.Table = field(default_factory=REJECTED.empty_table)
    unknown_columns: tuple[str, ...] = ()
    missing_columns: tuple[str, ...] = ()
    incidental: tuple[str, ...] = ()
    repeated: int = 0

    @property
    def batch_id(self) -> str:
        """Name the batch by where it lies, so that reading it again gives the same name."""
        return hashlib.sha256("\0".join((self.shard, self.start, self.end)).encode()).hexdigest()

    @cached_property
    def row_count(self) -> int:
        """Count the rows, from the footer when they lie in a file."""
        if isinstance(self.rows, Path):
            return int(pq.read_metadata(self.rows).num_rows)
        return int(self.rows.num_rows)

    @cached_property
    def content_hash(self) -> str:
        """Hash rows and rejected rows without `incidental` columns such as a file's name."""
        schema, batches = self._content()
        return hashlib.sha256(
            (
                content_hash(schema, batches)
                + content_hash(
                    REJECTED.remove(0),
                    self.rejected.select(["reason", "payload"]).to_batches(),
                )
            ).encode()
        ).hexdigest()

    def reader(self) -> pa.RecordBatchReader:
        """Stream the rows in bounded memory, wherever they lie; an empty `_extra` is left out."""
        if isinstance(self.rows, Path):
            file = pq.ParquetFile(self.rows, pre_buffer=False)
            kept = self._kept(file.schema_arrow)
            return pa.RecordBatchReader.from_batches(
                kept, file.iter_batches(_READ_ROWS, columns=kept.names)
            )
        return self.rows.select(self._kept(self.rows.schema).names).to_reader()

    def _kept(self, schema: pa.Schema) -> pa.Schema:
        return pa.schema([f for f in schema if f.name != EXTRA or self.unknown_columns])

    def _content(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        reader = self.reader()
        kept = [name for name in reader.schema.names if name not in self.incidental]
        schema = pa.schema([reader.schema.field(name) for name in kept])
        return schema, (batch.select(kept) for batch in reader)


class Source(Protocol):
    """Read one outside thing from where the ledger stands, and confirm only what it says.

    Guarantees: without new data `batches` gives none; reading again from the same positions
    gives the same batches until `acknowledge`; and the ledger's positions win over the source's
    own.
    Raises: SourceError for what somebody must change or UnreachableSystemError for what may pass.
    """

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give what follows `after`, the ledger's last `end` per shard of this stream."""
        ...

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Confirm positions that the lake has committed; never call it before."""
        ...

    def backlog(self) -> Backlog:
        """Tell how much waits, cheaply enough to ask every few seconds."""
        ...

    def verify(self) -> None:
        """Prove that reading can work: it is reachable, allowed and set up as declared."""
        ...


@runtime_checkable
class Listener(Protocol):
    """Hear that something came, instead of asking a source again and again.

    Raises: SourceError for what somebody must change or UnreachableSystemError for what may pass.
    """

    def listen(self, *, after: Mapping[str, str], seconds: float, stop: threading.Event) -> None:
        """Return when something may follow `after`, when `stop` is set or when time is up.

        Guarantees: nothing is confirmed that the ledger does not hold, and whatever was heard is
        given by the next `batches`.
        """
        ...
