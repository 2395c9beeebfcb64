"""The reader of Avro files into rows of text that say exactly what was stored.

Source: the Avro specification 1.12, object container files.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from watermain.source.arrow_text import exact_text
from watermain.source.avro_budget import RecordReading, Unread
from watermain.source.delivery import Caps, FileRows, Reject, UnreadableFileError
from watermain.source.drop.avro_schema import Leaf, Schema
from watermain.source.extra import EXTRA, any_text, packed_columns, told
from watermain.source.poison import POISON, Poisoned, sifted
from watermain.source.text.json_lines import Readable

_MAGIC = b"Obj\x01"
_SYNC_BYTES = 16
_ROWS_AT_ONCE = 8192
_HEADER_BYTES = 2**20
_LONGEST_VARINT = 10
_BYTES_AT_ONCE = 8 * 2**20


class AvroRows:
    """Iterate over the rows of one file.

    Guarantees: what a file says of its own sizes and counts is checked before it is believed; the
    memory taken is bounded by the largest block, at most `caps.row_bytes` of it. With
    `keeps_extra`, undeclared fields are packed into `_extra`.
    A record that can be passed over but not read is one reject, as its bytes.
    Raises: UnreadableFileError, for the whole file: a broken block leaves nothing to go on from.
    """

    def __init__(
        self,
        file: Readable | BinaryIO,
        columns: tuple[str, ...],
        fields: Mapping[str, str],
        caps: Caps | None = None,
        *,
        types: Sequence[pa.DataType] = (),
        keeps_extra: bool = False,
    ) -> None:
        self.keeps_extra = keeps_extra
        self.types = dict(zip(columns, types, strict=True)) if types else {}
        self.file, self.columns, self.caps = file, columns, caps or Caps()
        self.paths = {n: tuple(fields[n].split(".")) if n in fields else (n,) for n in columns}
        self.unknown_columns: tuple[str, ...] = ()
        self._leaves: dict[str, Leaf] = {}
        self._passed = 0
        self._kept: dict[str, tuple[tuple[str, ...], Schema]] = {}

    def __iter__(self) -> Iterator[FileRows | Reject]:
        if self._exactly(len(_MAGIC)) != _MAGIC:
            raise _unsound("it does not begin as one")
        meta = self._metadata()
        sync = self._exactly(_SYNC_BYTES)
        schema = Schema.of(meta.get("avro.schema", b""))
        self._leaves = {name: schema.leaf(path) for name, path in self.paths.items()}
        beyond = schema.beyond(self.paths.values())
        self.unknown_columns = tuple(".".join(path) for path in beyond)
        self._kept = {".".join(path): (path, schema) for path in beyond if self.keeps_extra}
        reading, first = RecordReading(schema.parsed), 1
        while (count := self._long(end_may_come=True)) is not None:
            data = self._block(meta.get("avro.codec", b"null"))
            if not 0 <= count <= len(data):
                raise _unsound(f"a block of {len(data)} bytes says it holds {count} records")
            for records in _records(reading, data, count):
                yield from self._given(first, records)
                first += len(records)
            if self._exactly(_SYNC_BYTES) != sync:
                raise _unsound("a block does not end with the file's marker")

    def _given(self, first: int, records: list[Any]) -> Iterator[FileRows | Reject]:
        """Give records as rows, and each that cannot be one as a reject in its place."""
        odd = [at for at, each in enumerate(records) if isinstance(each, Unread)]
        begin = 0
        for end in [*odd, len(records)]:
            for part in sifted(lambda at, to: self._rows(first, records, at, to), begin, end):
                if isinstance(part, Poisoned):
                    payload = told(records[part.place])[: self.caps.payload_bytes]
                    yield Reject(first + part.place, part.reason, payload)
                elif part.rows.num_rows:
                    yield part
            if end < len(records):
                self._passed += len(records[end].data)
                if self._passed > self.caps.row_bytes:
                    raise UnreadableFileError(
                        f"records of more than {self.caps.row_bytes} bytes cannot be read, the"
                        f" first because it {records[end].reason}"
                    )
                shown = records[end].data[: self.caps.payload_bytes // 2]
                yield Reject(first + end, records[end].reason, "\\x" + shown.hex())
            begin = end + 1

    def _rows(self, first: int, all_records: list[Any], begin: int, end: int) -> FileRows:
        records = all_records[begin:end]
        columns = [self._column(n, leaf, records) for n, leaf in self._leaves.items()]
        names = list(self.columns)
        if self._kept:
            found = {n: _any(*each, records) for n, each in self._kept.items()}
            columns.append(packed_columns(found, len(records)))
            names.append(EXTRA)
        return FileRows(first + begin, pa.record_batch(columns, names=names))

    def _column(self, name: str, leaf: Leaf, records: list[Any]) -> pa.Array:
        found = records
        for step in self.paths[name]:
            found = [None if each is None else each.get(step) for each in found]
        text = exact_text(name, leaf.array(found), self.types.get(name))
        text.validate(full=True)
        return text

    def _metadata(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        room = _HEADER_BYTES
        while count := self._length():
            if count < 0:
                count = -count
                self._length()
            for _ in range(count):
                key, value = self._bytes(room), self._bytes(room)
                room -= len(key) + len(value) + 2
                if room < 0:
                    raise _unsound("its header is too large")
                found[key.decode("utf-8", "replace")] = value
        return found

    def _block(self, codec: bytes) -> bytes:
        packed = self._bytes(self.caps.row_bytes)
        most = self.caps.row_bytes
        try:
            match codec:
                case b"null":
                    return packed
                case b"deflate":
                    engine = zlib.decompressobj(-15)
                    data = engine.decompress(packed, most + 1)
                    if not engine.eof and len(data) <= most:
                        raise _unsound("a block is cut short")
                case b"zstandard":
                    data = _all(pa.CompressedInputStream(pa.BufferReader(packed), "zstd"), most)
                case _:
                    raise UnreadableFileError(
                        f"its codec {codec[:20]!r} is none of `null`, `deflate`, `zstandard`"
                    )
        except (zlib.error, pa.ArrowException, OSError) as error:
            raise _unsound(str(error)) from None
        if len(data) > most:
            raise UnreadableFileError(f"a block unpacks to more than {most} bytes")
        return data

    def _bytes(self, most: int) -> bytes:
        size = self._length()
        if not 0 <= size <= most:
            raise _unsound(f"a part says it is {size} bytes long")
        return self._exactly(size)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.file.read(min(count - len(data), _HEADER_BYTES))
            if not more:
                raise _unsound("it ends too early")
            data += more
        return data

    def _length(self) -> int:
        found = self._long()
        assert found is not None
        return found

    def _long(self, *, end_may_come: bool = False) -> int | None:
        value = 0
        for place in range(_LONGEST_VARINT):
            byte = self.file.read(1) if end_may_come and not place else self._exactly(1)
            if not byte:
                return None
            value |= (byte[0] & 0x7F) << (7 * place)
            if byte[0] < 0x80:
                return (value >> 1) ^ -(value & 1)
        raise _unsound("a number never ends")


def _any(path: tuple[str, ...], schema: Schema, records: list[Any]) -> pa.Array:
    """The values of an undeclared field as text, whatever they are."""
    found = records
    for step in path:
        found = [each.get(step) if isinstance(each, dict) else None for each in found]
    try:
        column = schema.leaf(path).array(found)
    except (UnreadableFileError, pa.ArrowException, ValueError, OverflowError):
        column = pa.array([None if each is None else told(each) for each in found], pa.string())
    return any_text(".".join(path), column)


def _records(reading: RecordReading, data: bytes, count: int) -> Iterator[list[Any]]:
    """Decode a block a few records at a time."""
    stream, left = reading.opened(data), count
    most = max(1, min(_ROWS_AT_ONCE, _BYTES_AT_ONCE * count // max(len(data), 1)))
    try:
        while left:
            found = reading.some(stream, min(left, most))
            yield found
            left -= len(found)
    except POISON as error:
        raise _unsound(f"a record cannot be decoded: {error!r}") from None
    if stream.tell() != len(data):
        raise _unsound("a block holds more than its records")


def _all(stream: Any, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while size <= most and (part := bytes(stream.read(_HEADER_BYTES))):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _unsound(why: str) -> UnreadableFileError:
    return UnreadableFileError(f"it is no sound Avro file: {why}")
