"""The reader of CSV files into rows of text, row by row where a file breaks its form.

Source: RFC 4180, with bare line feeds allowed; a quote inside an unquoted value is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pc

from watermain.declare.errors import quoted
from watermain.source.delivery import Caps, FileRows, Reject, UnreadableFileError
from watermain.source.extra import EXTRA, distinct, packed_columns
from watermain.source.poison import POISON, Poisoned, sifted

_BLOCK_BYTES = 4 * 2**20
_MARK = b"\xef\xbb\xbf"
_FIELD = rb'(?:"[^"]*+(?:""[^"]*+)*+"|[^",\r\n]*+)'
_VALUE = re.compile(_FIELD)
_ANY = re.compile(_FIELD + rb"(?:," + _FIELD + rb")*+\r?\n")


class CsvRows:
    """Iterate over the rows of one file, well-formed runs in bulk and broken rows one by one.

    Guarantees: every record is in exactly one `FileRows` or `Reject`, except for blank lines;
    an unquoted `null` is NULL and a quoted one is text; a quote that is never closed costs its
    line.
    With `keeps_extra`, undeclared columns are packed into `_extra`.
    Raises: UnreadableFileError, when the header lacks a declared column.
    """

    def __init__(
        self,
        file: BinaryIO,
        columns: tuple[str, ...],
        null: str,
        caps: Caps | None = None,
        *,
        keeps_extra: bool = False,
    ) -> None:
        self.file, self.columns, self.null, self.caps = file, columns, null, caps or Caps()
        self.keeps_extra = keeps_extra
        self.header: list[str] = []
        self._beyond: dict[int, str] = {}
        self._buffer = b""
        self._at = 0
        self._line = self._row = 1

    def __iter__(self) -> Iterator[FileRows | Reject]:
        mark = self.file.read(len(_MARK))
        self._buffer = mark.removeprefix(_MARK)
        self._read_header()
        exact = re.compile(_FIELD + rb"(?:," + _FIELD + rb"){%d}\r?\n" % (len(self.header) - 1))
        while True:
            end, count = self._run(exact)
            if count:
                run = self._buffer[self._at : end]
                self._at = end
                yield from self._given(exact, run, count)
            if self._at < len(self._buffer):
                yield from self._stuck()
            elif not self._fill():
                return

    @property
    def unknown_columns(self) -> tuple[str, ...]:
        """Name the columns that the file has beyond the declared ones."""
        return tuple(sorted(distinct(self.header, self.columns).values()))

    def _read_header(self) -> None:
        while (found := _ANY.match(self._buffer)) is None:
            if len(self._buffer) > self.caps.row_bytes or not self._fill():
                payload = self._buffer[: self.caps.payload_bytes]
                raise UnreadableFileError("it has no header", _shown(payload))
        line = found.group()
        self._at = found.end()
        if (count := line.count(b",") + 1) > self.caps.columns:
            shown = _shown(line[: self.caps.payload_bytes])
            raise UnreadableFileError(f"its header has {count} columns, too many", shown)
        self.header = _split(line)
        self._line += line.count(b"\n")
        if missing := set(self.columns) - set(self.header):
            raise UnreadableFileError(
                f"its header lacks {quoted(missing)}",
                _shown(line[: self.caps.payload_bytes]),
                tuple(sorted(missing)),
            )
        if twice := {name for name in self.columns if self.header.count(name) > 1}:
            raise UnreadableFileError(f"its header has {quoted(twice)} twice", _shown(line))
        self._beyond = distinct(self.header, self.columns) if self.keeps_extra else {}

    def _run(self, exact: re.Pattern[bytes]) -> tuple[int, int]:
        """Find where well-formed records end and how many there are."""
        buffer, at, count, most = self._buffer, self._at, 0, self.caps.row_bytes
        match = exact.match
        while (found := match(buffer, at)) and found.end() - at <= most:
            at = found.end()
            count += 1
        return at, count

    def _given(
        self, exact: re.Pattern[bytes], run: bytes, count: int
    ) -> Iterator[FileRows | Reject]:
        """Give a run of records, without those whose bytes are no text."""
        if _is_text(run):
            yield from self._sifted(exact, run, count)
            return
        begin = at = count = 0
        while found := exact.match(run, at):
            if not _is_text(found.group()):
                if count:
                    yield from self._sifted(exact, run[begin:at], count)
                yield self._rejected(found.group(), "is not UTF-8")
                begin, count = found.end(), -1
            at, count = found.end(), count + 1
        if count:
            yield from self._sifted(exact, run[begin:], count)

    def _sifted(
        self, exact: re.Pattern[bytes], run: bytes, count: int
    ) -> Iterator[FileRows | Reject]:
        """Give a run in bulk; where that raises, go record by record but for the one that does."""
        try:
            yield self._parsed(run, count)
            return
        except POISON:
            ends = [found.end() for found in exact.finditer(run)]
        begins = [0, *ends[:-1]]

        def read(begin: int, end: int) -> tuple[bytes, int, pa.RecordBatch]:
            part = run[begins[begin] : ends[end - 1]]
            return part, end - begin, self._table(part, end - begin)

        for part in sifted(read, 0, count):
            if isinstance(part, Poisoned):
                record = run[begins[part.place] : ends[part.place]]
                yield self._rejected(record, part.reason)
            else:
                yield self._counted(*part)

    def _stuck(self) -> Iterator[Reject]:
        """Pass what is no well-formed record of the header's width, and read on if need be."""
        found = _ANY.match(self._buffer, self._at)
        if found is None:
            left = len(self._buffer) - self._at
            if left <= self.caps.row_bytes and self._fill():
                return
            yield from self._broken_line()
            return
        record = found.group()
        self._at = found.end()
        if not record.strip(b"\r\n"):
            self._line += 1
        elif len(record) > self.caps.row_bytes:
            yield self._rejected(record, f"is longer than {self.caps.row_bytes} bytes")
        else:
            values = len(_split(record))
            yield self._rejected(record, f"has {values} values, the header {len(self.header)}")

    def _broken_line(self) -> Iterator[Reject]:
        end = self._buffer.find(b"\n", self._at) + 1
        if end:
            line = self._buffer[self._at : end]
            self._at = end
            yield self._rejected(
                line, "has a quote or carriage return where none may be, or a quote never closed"
            )
            return
        line = self._buffer[self._at : self._at + self.caps.payload_bytes]
        while not end:
            self._at = len(self._buffer)
            if not self._fill():
                break
            end = self._buffer.find(b"\n", self._at) + 1
        self._at = end or len(self._buffer)
        yield self._rejected(line + b"\n", f"is longer than {self.caps.row_bytes} bytes")

    def _fill(self) -> bool:
        """Read on; say whether anything came. The last line need not end."""
        left = self._buffer[self._at :]
        more = self.file.read(max(_BLOCK_BYTES, len(left)))
        if not more and left and not left.endswith(b"\n"):
            more = b"\n"
        self._buffer, self._at = left + more, 0
        return bool(more)

    def _rejected(self, record: bytes, reason: str) -> Reject:
        payload = _shown(record.rstrip(b"\r\n")[: self.caps.payload_bytes])
        reject = Reject(self._line, reason, payload)
        self._line += record.count(b"\n")
        self._row += 1
        return reject

    def _parsed(self, run: bytes, count: int) -> FileRows:
        return self._counted(run, count, self._table(run, count))

    def _counted(self, run: bytes, count: int, found: pa.RecordBatch) -> FileRows:
        rows = FileRows(self._row, found)
        self._line += run.count(b"\n")
        self._row += count
        return rows

    def _table(self, run: bytes, count: int) -> pa.RecordBatch:
        wanted = set(self.columns)
        taken = [*self.columns, *(f"\0{at}" for at in self._beyond)]
        table = pc.read_csv(
            pa.BufferReader(run),
            read_options=pc.ReadOptions(
                column_names=[n if n in wanted else f"\0{i}" for i, n in enumerate(self.header)],
                block_size=len(run) + 1,
                use_threads=False,
            ),
            parse_options=pc.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=pc.ConvertOptions(
                include_columns=taken,
                column_types=dict.fromkeys(taken, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[self.null],
            ),
        )
        assert table.num_rows == count
        return self._packed(table.combine_chunks().to_batches()[0])

    def _packed(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        if not self._beyond:
            return rows
        found = {name: rows.column(f"\0{at}") for at, name in self._beyond.items()}
        extra = packed_columns(found, rows.num_rows)
        declared = rows.select(list(self.columns))
        return pa.record_batch([*declared.columns, extra], names=[*self.columns, EXTRA])


def _split(record: bytes) -> list[str]:
    values, at = [], 0
    while (found := _VALUE.match(record, at)) is not None:
        value = found.group()
        if value.startswith(b'"'):
            value = value[1:-1].replace(b'""', b'"')
        values.append(_shown(value))
        at = found.end() + 1
        if record[found.end() : at] != b",":
            break
    return values


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _shown(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
