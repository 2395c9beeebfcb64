"""The singling out of the one row that cannot be landed in the lake."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from watermain.declare.outside.kind import SHARD, SourceWord
from watermain.source.extra import row_text
from watermain.source.poison import Poisoned, sifted
from watermain.source.protocol import REJECTED, Batch
from watermain.source.spill import Spill, discard

# What a value can bring about. A lost connection, a lease that moved on, a full disk, an engine
# that ended or a failpoint is none of these.
UNLANDED = (
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    pa.ArrowException,
    duckdb.DataError,
    duckdb.IntegrityError,
    duckdb.NotSupportedError,
    duckdb.ProgrammingError,
)
PAYLOAD_CHARACTERS = 64 * 2**10
_AT_ONCE = 8192


class UndoError(Exception):
    """Leave a trial without a trace."""


@contextlib.contextmanager
def sound_part(
    batch: Batch, word: SourceWord, tried: Callable[[Batch], None], error: BaseException
) -> Iterator[Batch]:
    """Give the batch for the block without the rows that cannot be landed; they go aside.

    `tried` lands a batch and undoes it. Where even no row at all can be landed, the rows are not
    to blame: the error is raised again.
    Guarantees: the batch keeps its name, and every other row its place; what goes aside does so
    with its content, position and reason.
    """
    schema = batch.reader().schema
    try:
        tried(replace(batch, rows=schema.empty_table()))
    except UNLANDED:
        raise error from None
    folder = batch.rows.parent if isinstance(batch.rows, Path) else Path()
    spill, aside = Spill(folder, schema, None if isinstance(batch.rows, Path) else 2**62), []
    for rows in _pieces(batch):

        def read(begin: int, end: int, rows: pa.Table = rows) -> pa.Table:
            some = rows.slice(begin, end - begin)
            tried(replace(batch, rows=some))
            return some

        for part in sifted(read, 0, rows.num_rows, UNLANDED):
            if isinstance(part, Poisoned):
                row = rows.slice(part.place, 1).to_batches()[0]
                payload = row_text(row)[:PAYLOAD_CHARACTERS]
                aside.append((_position(batch, word, row), part.reason, payload))
            else:
                for each in part.to_batches():
                    spill.add(each)
    told = [dict(zip(REJECTED.names, each, strict=True)) for each in aside]
    rejected = pa.concat_tables([batch.rejected, pa.Table.from_pylist(told, REJECTED)])
    sound = replace(batch, rows=spill.taken(), rejected=rejected)
    try:
        yield sound
    finally:
        discard(sound)


def _pieces(batch: Batch) -> Iterator[pa.Table]:
    if isinstance(batch.rows, pa.Table):
        yield pa.Table.from_batches(batch.reader(), batch.reader().schema)
        return
    file = pq.ParquetFile(batch.rows, pre_buffer=False)
    names = batch.reader().schema.names
    for some in file.iter_batches(_AT_ONCE, columns=names):
        yield pa.Table.from_batches([some])


def _position(batch: Batch, word: SourceWord, row: pa.RecordBatch) -> str:
    """Where a row lay, as its kind's `position_sql` says it."""

    def at(name: str) -> Any:
        return row.column(row.schema.get_field_index(name))[0].as_py()

    return "/".join(batch.shard if name == SHARD else str(at(name)) for name in word.place)
