"""The first read of a table, as of the point where its replication slot begins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from psycopg import sql

from watermain.source.extra import packed_columns
from watermain.source.postgres.changes import change_schema
from watermain.source.postgres.replication import Replication, lsn_number
from watermain.source.protocol import Shape
from watermain.source.spill import Spill

_CHUNK_BYTES = 8 * 2**20


def snapshot(
    link: Replication,
    *,
    slot: str,
    table: str,
    shape: Shape,
    beyond: tuple[str, ...],
    spill: Spill,
) -> int:
    """Create the slot, read the table under the slot's own snapshot, and give the joining point.

    Guarantees: a transaction is in the rows or after the joining point, never in both and never
    in neither: the slot's creation hands its snapshot to this very transaction. The `_lsn` of
    the rows is one below the joining point, so that they order before all that follows.
    Columns `beyond` the shape's are packed into `_extra`, where the shape keeps it.
    """
    link.ask("begin read only isolation level repeatable read")
    created = link.ask(f"CREATE_REPLICATION_SLOT {slot} LOGICAL pgoutput USE_SNAPSHOT")
    position = lsn_number(str(created[0][1]))
    now = link.ask("select (extract(epoch from now()) * 1000000)::bigint")
    columns = (*shape.columns, *(beyond if shape.keeps_extra else ()))
    names = sql.SQL(", ").join(map(sql.Identifier, columns)).as_string(None)
    source = sql.Identifier(*table.split(".")).as_string(None)
    copy = f"copy (select {names} from only {source}) to stdout (format csv, force_quote *)"
    for lines in _chunks(link.copied(copy)):
        rows = _packed(_parsed(lines, columns), shape)
        spill.add(_stamped(rows, spill.rows, position - 1, int(str(now[0][0]))))
    link.ask("commit")
    return position


def _chunks(lines: Iterator[memoryview]) -> Iterator[bytes]:
    held: list[memoryview] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size > _CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _parsed(lines: bytes, columns: tuple[str, ...]) -> pa.RecordBatch:
    """Parse whole lines whose every value is quoted and whose nulls are bare."""
    rows = pc.read_csv(
        pa.BufferReader(lines),
        read_options=pc.ReadOptions(
            column_names=list(columns), block_size=len(lines) + 1, use_threads=False
        ),
        parse_options=pc.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pc.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    )
    return rows.combine_chunks().to_batches()[0]


def _packed(rows: pa.RecordBatch, shape: Shape) -> pa.RecordBatch:
    if not shape.keeps_extra:
        return rows
    own = len(shape.columns)
    others = dict(zip(rows.schema.names[own:], rows.columns[own:], strict=True))
    extra = packed_columns(others, rows.num_rows)
    return pa.record_batch([*rows.columns[:own], extra], names=list(shape.carried))


def _stamped(rows: pa.RecordBatch, before: int, lsn: int, at: int) -> pa.RecordBatch:
    count = rows.num_rows
    extra = [
        pa.array(["r"]).take(pa.array(np.zeros(count, np.int64))),
        pa.array(np.full(count, lsn)),
        pa.array(np.full(count, at), pa.timestamp("us", "UTC")),
        pa.nulls(count, pa.int64()),
        pa.array(np.arange(before + 1, before + count + 1)),
    ]
    schema = change_schema(tuple(rows.schema.names))
    return pa.record_batch([*rows.columns, *extra], schema=schema)
