"""The decoder from PostgreSQL's `pgoutput` change messages to columns of text.

Source: PostgreSQL 18 documentation, 54.9 Logical Replication Message Formats, protocol 1.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

INSERT, UPDATE, DELETE, TRUNCATE = range(4)
CODES = {ord("I"): INSERT, ord("U"): UPDATE, ord("D"): DELETE}
BEGIN, COMMIT, RELATION, TRUNCATED = b"BCRT"
_NULL, _TEXT, _UNCHANGED, _NEW, _OLD = b"ntuNO"
_CODE_OF_BYTE = np.zeros(256, np.int8)
_CODE_OF_BYTE[list(CODES)] = list(CODES.values())
_PAD = b"\0" * 4

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


class PartialRowError(Exception):
    """Report a change that carries no whole old row, for want of REPLICA IDENTITY FULL."""


@dataclass(frozen=True)
class Relation:
    """Name the columns of one table as the stream last described them."""

    oid: int
    table: str
    columns: tuple[str, ...]

    @staticmethod
    def read(message: memoryview) -> Relation:
        """Read an `R` message."""
        data = bytes(message)
        (oid,) = struct.unpack_from(">I", data, 1)
        schema, table, rest = data[5:].split(b"\0", 2)
        (count,) = struct.unpack_from(">H", rest, 1)
        names, at = [], 3
        for _ in range(count):
            end = rest.index(b"\0", at + 1)
            names.append(rest[at + 1 : end].decode())
            at = end + 9
        return Relation(oid, f"{schema.decode() or 'pg_catalog'}.{table.decode()}", tuple(names))


@dataclass(frozen=True)
class Decoded:
    """Hold rows in order: the operation, the message each came from, and one array per column."""

    ops: Ints
    messages: Ints
    columns: list[pa.Array]


@dataclass(frozen=True)
class _Slices:
    """Point at one column's value in each tuple."""

    kind: Bytes
    begin: Ints
    end: Ints


def decoded(
    messages: Sequence[memoryview], relation: Relation, columns: Sequence[str], moving: set[str]
) -> Decoded:
    """Decode `I`, `U` and `D` messages of one relation, many at a time.

    Guarantees: a large value that an update left unchanged is taken from the old row, and
    an update that changes a `moving` column becomes a delete of the old row and then an insert.
    Raises: PartialRowError.
    """
    buffer = b"".join([*messages, _PAD])
    data = np.frombuffer(buffer, np.uint8)
    lengths = np.fromiter(map(len, messages), np.int64, len(messages))
    starts = np.cumsum(lengths) - lengths
    ops = _CODE_OF_BYTE[data[starts]].astype(np.int64)
    if np.any(data[starts + 5] != np.where(ops == INSERT, _NEW, _OLD)):
        raise PartialRowError
    tuples = _Tuples(buffer, data, relation, columns)
    updates = np.flatnonzero(ops == UPDATE)
    tuples.walk(starts + 6, updates)
    moved = np.zeros(len(messages), bool)
    for name in moving:
        moved[updates] |= tuples.changed(name)
    return _ordered(ops, moved, tuples, columns)


def _ordered(ops: Ints, moved: Bools, tuples: _Tuples, columns: Sequence[str]) -> Decoded:
    count = 1 + moved.astype(np.int64)
    message = np.repeat(np.arange(len(ops)), count)
    op, place = ops[message], tuples.last[message]
    leaving = (np.cumsum(count) - count)[moved]
    op[leaving], place[leaving] = DELETE, tuples.first[moved]
    op[leaving + 1] = INSERT
    return Decoded(op, message, [tuples.column(name, place) for name in columns])


class _Tuples:
    """Index every tuple of a buffer of messages: old and new rows, in the order they lie."""

    def __init__(
        self, buffer: bytes, data: Bytes, relation: Relation, columns: Sequence[str]
    ) -> None:
        self.buffer, self.data = buffer, data
        self.width = len(relation.columns)
        known = relation.columns
        self.wanted = {known.index(name): name for name in columns if name in known}
        self.slices: dict[str, _Slices] = {}
        self.first = self.last = self.old = self.new = np.empty(0, np.int64)

    def walk(self, at: Ints, updates: Ints) -> None:
        """Find every wanted value, from where each message's first tuple begins."""
        doubled = np.zeros(len(at), np.int64)
        doubled[updates] = 1
        self.first = np.arange(len(at)) + np.cumsum(doubled) - doubled
        self.last = self.first + doubled
        self.old, self.new = self.first[updates], self.last[updates]
        front, end = self._tuple(at)
        if np.any(self.data[end[updates]] != _NEW):
            raise PartialRowError
        back, _ = self._tuple(end[updates] + 1)
        for name in self.wanted.values():
            if np.any(front[name].kind == _UNCHANGED):
                raise PartialRowError
            self.slices[name] = self._merged(front[name], back[name])

    def changed(self, name: str) -> Bools:
        """Say for each update whether it changed the column."""
        old, new = self.column(name, self.old), self.column(name, self.new)
        differ = pc.or_(
            pc.xor(old.is_null(), new.is_null()), pc.fill_null(pc.not_equal(old, new), False)
        )
        return np.asarray(differ.to_numpy(zero_copy_only=False), dtype=bool)

    def column(self, name: str, place: Ints) -> pa.Array:
        """Take one column's values at the tuples of `place`.

        The buffer itself serves as the data of a string array whose even elements are the
        values and whose odd elements are the bytes between them: one `take` copies what is wanted.
        A value that an update left unchanged lies in the tuple before. A column that the table
        did not have yet is null.
        """
        if (slices := self.slices.get(name)) is None:
            return pa.nulls(len(place), pa.string())
        place = place - (slices.kind[place] == _UNCHANGED)
        offsets = np.stack((slices.begin, slices.end), axis=1).ravel()
        small = len(self.buffer) < 2**31
        type_ = pa.string() if small else pa.large_string()
        offsets = offsets.astype(np.int32 if small else np.int64)
        flat = pa.Array.from_buffers(
            type_, len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(self.buffer)]
        )
        picked = pa.array(place * 2, mask=slices.kind[place] == _NULL)
        return flat.take(picked).cast(pa.string())

    def _merged(self, front: _Slices, back: _Slices) -> _Slices:
        """Put first and second tuples into one order: a new row follows its old row."""
        total = len(self.first) + len(self.new)
        kind, begin, end = np.empty(total, np.uint8), *np.empty((2, total), np.int64)
        for into, part in ((self.first, front), (self.new, back)):
            kind[into], begin[into], end[into] = part.kind, part.begin, part.end
        return _Slices(kind, begin, end)

    def _tuple(self, at: Ints) -> tuple[dict[str, _Slices], Ints]:
        """Step over one tuple of every message at once, column by column."""
        data, found = self.data, {}
        if np.any(data[at].astype(np.int64) * 256 + data[at + 1] != self.width):
            raise PartialRowError
        at = at + 2
        for number in range(self.width):
            kind = data[at]
            sized = kind == _TEXT
            size = data[at[:, None] + np.arange(1, 5)].view(">u4").ravel()
            begin = at + 1 + 4 * sized
            at = begin + np.where(sized, size, 0)
            if number in self.wanted:
                found[self.wanted[number]] = _Slices(kind, begin, at)
        return found, at
