"""Parquet's INT96 instants written as text to the nanosecond, whatever their year.

Source: INT96 holds a day and the nanoseconds in it; Spark, Hive and Impala write it. Arrow reads it
into 64 bits, in which nanoseconds reach from 1677 to 2262 only and wrap beyond, while microseconds
reach further and lose three digits. Together they tell all.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_THOUSAND = 1000
_ODD = "out of range"


class Int96Texts:
    """Replace the columns of INT96 in batches that were read as microseconds.

    Guarantees: nothing is read twice from a file that has no such column.
    """

    def __init__(self, file: BinaryIO, parquet: pq.ParquetFile) -> None:
        self.file = file
        columns = [parquet.schema.column(at) for at in range(len(parquet.schema))]
        self.names = [
            each.path
            for each in columns
            if each.physical_type == "INT96" and not each.max_repetition_level
        ]

    def batches(self, group: int, rows_at_once: int) -> Iterator[pa.RecordBatch | None]:
        """Give the instants of a group once more, as nanoseconds, or None where there are none."""
        if not self.names:
            yield from repeat(None)
        with pq.ParquetFile(self.file, coerce_int96_timestamp_unit="ns") as parquet:
            yield from parquet.iter_batches(rows_at_once, row_groups=[group], columns=self.names)

    def told(self, batch: pa.RecordBatch, nanoseconds: pa.RecordBatch | None) -> pa.RecordBatch:
        """Give a batch with its instants of INT96 as texts of nine digits behind the second."""
        if nanoseconds is None:
            return batch
        columns = list(batch.columns)
        assert nanoseconds.num_rows == batch.num_rows
        for at, name in enumerate(batch.schema.names):
            if name in self.names:
                columns[at] = _text(batch.column(at), nanoseconds.column(name))
        return pa.record_batch(columns, names=batch.schema.names)


def _text(microseconds: pa.Array, nanoseconds: pa.Array) -> pa.Array:
    whole = pc.fill_null(microseconds.cast(pa.int64()), 0).to_numpy()
    wrapped = pc.fill_null(nanoseconds.cast(pa.int64()), 0).to_numpy()
    rest = wrapped - whole * _THOUSAND  # both wrap alike, so their difference does not
    text = microseconds.cast(pa.string())
    if not np.any(rest):
        return pc.binary_join_element_wise(text, "000", "")
    digits = [f"{each:03d}" if 0 <= each < _THOUSAND else _ODD for each in rest.tolist()]
    return pc.binary_join_element_wise(text, pa.array(digits), "")
