"""A sink for rows that moves from memory to one Parquet file when they grow too many."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from watermain.declare.errors import DiskFullError
from watermain.source.protocol import Batch

_serial = itertools.count()
MEMORY_BYTES = 64 * 2**20
_GROUP_ROWS, _GROUP_BYTES = 122_880, 8 * 2**20
SUFFIX = ".spill.parquet"


class Spill:
    """Collect record batches, and keep at most `threshold` bytes (MEMORY_BYTES) of them in memory.

    Guarantees: `taken` empties the sink, and the file it gives belongs to `folder`, is named after
    this process, and is removed by `discard` or by the next owner's `sweep`.
    """

    def __init__(self, folder: Path, schema: pa.Schema, threshold: int | None = None) -> None:
        self.folder, self.schema = folder, schema
        self.threshold = MEMORY_BYTES if threshold is None else threshold
        self.rows = 0
        self._held: list[pa.RecordBatch] = []
        self._held_bytes = 0
        self._path: Path | None = None
        self._writer: pq.ParquetWriter | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Take one record batch, and write out what is held once that passes the threshold."""
        self._held.append(batch)
        self._held_bytes += batch.nbytes
        self.rows += batch.num_rows
        if self._held_bytes > self.threshold:
            self._write_out()

    def taken(self) -> Path | pa.Table:
        """Give all rows as one table or as a finished file, and then start empty again."""
        if self._writer is None or self._path is None:
            rows: Path | pa.Table = pa.Table.from_batches(self._held, self.schema)
        else:
            self._write_out()
            with self._room():
                self._writer.close()
            rows = self._path
        self._forget()
        if isinstance(rows, Path):
            pa.default_memory_pool().release_unused()  # the engine needs it now
        return rows

    def discard(self) -> None:
        """Forget everything held and remove a half-written file."""
        writer, path = self._writer, self._path
        self._forget()
        if writer is not None and path is not None:
            path.unlink(missing_ok=True)
            with suppress(OSError):
                writer.close()

    def _forget(self) -> None:
        self._held, self._held_bytes, self.rows = [], 0, 0
        self._writer = self._path = None

    def _write_out(self) -> None:
        if not self._held:
            return
        with self._room():
            if self._writer is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._path = self.folder / f"{os.getpid()}-{next(_serial)}{SUFFIX}"
                self._writer = pq.ParquetWriter(
                    self._path,
                    self.schema,
                    compression="lz4",
                    use_dictionary=False,
                    write_statistics=False,
                )
            table = pa.Table.from_batches(self._held, self.schema)
            # Who reads holds a whole group: its rows are few where they are long.
            rows = max(1, table.num_rows * _GROUP_BYTES // max(table.nbytes, 1))
            self._writer.write_table(table, row_group_size=min(rows, _GROUP_ROWS))
        self._held, self._held_bytes = [], 0

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise DiskFullError(
                f"no room in {self.folder} for {self.rows} captured rows",
                declared="setting WATERMAIN_DATA_DIR",
                data="the source still holds the rows; nothing was confirmed to it",
                next=f"df -h {self.folder}",
            ) from error


def handed_out(batch: Batch) -> Iterator[Batch]:
    """Give one batch; remove its file when the next is asked for or nobody asks any more."""
    try:
        yield batch
    finally:
        discard(batch)


def discard(batch: Batch) -> None:
    """Remove the file of a batch, if it has one."""
    if isinstance(batch.rows, Path):
        batch.rows.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a killed owner of `folder` left behind; call it as the sole owner only."""
    for left in folder.glob(f"*{SUFFIX}"):
        left.unlink(missing_ok=True)
