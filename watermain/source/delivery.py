"""What a delivered file is made of: rows, rejects, columns that tell where from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from watermain.declare.outside.kind import DELIVERED

INCIDENTAL = ("_file", "_file_hash", "_delivered_at")


def delivery_schema(columns: tuple[str, ...], kinds: Sequence[pa.DataType] = ()) -> pa.Schema:
    """Describe delivered rows: the declared columns as text or `kinds`, and then where each lay."""
    kinds = kinds or (pa.string(),) * len(columns)
    return pa.schema([*zip(columns, kinds, strict=True), *DELIVERED])


class OddRowsError(Exception):
    """Report rows that cannot be typed as they are read; they can be read as text."""


class OddInstantsError(Exception):
    """Report rows whose instants alone cannot be typed as they are read."""


class UnreadableFileError(Exception):
    """Report that no row of a file can be read, and what stands in its place.

    `missing` are the declared columns for want of which it is so.
    """

    def __init__(self, reason: str, payload: str = "", missing: tuple[str, ...] = ()) -> None:
        self.reason, self.payload, self.missing = reason, payload, missing
        super().__init__(reason)


@dataclass(frozen=True, kw_only=True)
class Caps:
    """Bound what one file may hold; what is larger is rejected with its size as the reason.

    `file_bytes` also bounds what a compressed file unpacks to, which `ratio` bounds beside its
    own size; `entries` bounds a listing, which is refused beyond; `columns` bounds those of a file.
    """

    columns: int = 10_000

    entries: int = 100_000
    file_bytes: int = 16 * 2**30
    row_bytes: int = 64 * 2**20
    ratio: int = 1000
    rejects: int = 10_000
    payload_bytes: int = 64 * 2**10


@dataclass(frozen=True)
class FileRows:
    """Hold rows that lie together in a file; the first of them is row `first`, counted from 1."""

    first: int
    rows: pa.RecordBatch


@dataclass(frozen=True)
class Reject:
    """Hold one row that cannot be read and the line on which it begins, counted from 1."""

    line: int
    reason: str
    payload: str


class Stamp:
    """Tell on each row of a file where it lay, with texts that are made once."""

    def __init__(self, name: str, value: str, mtime_ns: int) -> None:
        at = datetime.fromtimestamp(mtime_ns // 1000 / 1e6, UTC)
        self._told = (name, value, pa.scalar(at, pa.timestamp("us", "UTC")))
        self._file, self._file_hash, self._at = (pa.repeat(each, 0) for each in self._told)

    def on(self, part: FileRows, schema: pa.Schema) -> pa.RecordBatch:
        """Give the rows as `schema` has them, with null where nothing undeclared was looked for."""
        count = part.rows.num_rows
        if count > len(self._file):
            self._file, self._file_hash, self._at = (pa.repeat(v, count) for v in self._told)
        told = [*part.rows.columns]
        if len(told) + len(DELIVERED) < len(schema):
            told.append(pa.nulls(count, pa.string()))
        told += [
            self._file[:count],
            self._file_hash[:count],
            pa.array(np.arange(part.first, part.first + count)),
            self._at[:count],
        ]
        return pa.record_batch(told, schema=schema)
