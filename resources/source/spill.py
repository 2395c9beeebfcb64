"""A sink for rows that moves from memory to one Parquet file when they grow too many."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from resources.source.protocol import Batch

_serial = itertools.count()
SUFFIX = ".spill.parquet"


class Spill:
    """Collect record batches; keep at most `threshold` bytes of them in memory.

    Guarantees: `taken` empties the sink; the file it gives belongs to `folder`, is named after
    this process, and is removed by `discard` or by the next owner's `sweep`.
    """

    def __init__(self, folder: Path, schema: pa.Schema, threshold: int = 64 * 2**20) -> None:
        self.folder, self.schema, self.threshold = folder, schema, threshold
        self.rows = 0
        self._held: list[pa.RecordBatch] = []
        self._held_bytes = 0
        self._path: Path | None = None
        self._writer: pq.ParquetWriter | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Take one record batch, writing out what is held once it passes the threshold."""
        self._held.append(batch)
        self._held_bytes += batch.nbytes
        self.rows += batch.num_rows
        if self._held_bytes > self.threshold:
            self._write_out()

    def taken(self) -> Path | pa.Table:
        """Give all rows as one table, or as a finished file, then start empty again."""
        if self._writer is None:
            rows: Path | pa.Table = pa.Table.from_batches(self._held, self.schema)
        else:
            assert self._path is not None
            self._write_out()
            self._writer.close()
            rows = self._path
        self._held, self._held_bytes, self.rows = [], 0, 0
        self._writer = self._path = None
        return rows

    def discard(self) -> None:
        """Forget everything held and remove a half-written file."""
        rows = self.taken()
        if isinstance(rows, Path):
            rows.unlink(missing_ok=True)

    def _write_out(self) -> None:
        if not self._held:
            return
        if self._writer is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._path = self.folder / f"{os.getpid()}-{next(_serial)}{SUFFIX}"
            self._writer = pq.ParquetWriter(self._path, self.schema, compression="zstd")
        table = pa.Table.from_batches(self._held, self.schema)
        self._writer.write_table(table, row_group_size=max(1, min(table.num_rows, 122_880)))
        self._held, self._held_bytes = [], 0


def handed_out(batch: Batch) -> Iterator[Batch]:
    """Give one batch; remove its file when the next is asked for, or nobody asks any more."""
    try:
        yield batch
    finally:
        if isinstance(batch.rows, Path):
            batch.rows.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a killed owner of `folder` left behind; call it as the sole owner only."""
    for left in folder.glob(f"*{SUFFIX}"):
        left.unlink(missing_ok=True)
