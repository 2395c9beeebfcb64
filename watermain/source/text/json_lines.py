"""The reader of JSON lines into rows, line by line where a block breaks its form.

Source: RFC 8259 for each line; blank lines are passed over, and a byte order mark may come first.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import BinaryIO, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from watermain.source.arrow_text import exact_text
from watermain.source.delivery import Caps, FileRows, OddRowsError, Reject
from watermain.source.extra import EXTRA
from watermain.source.protocol import Shape
from watermain.source.text.json_block import JsonBlock
from watermain.source.text.json_rows import JsonMessages

_BLOCK_BYTES = 8 * 2**20
_LINES_AT_ONCE = 8192
_SAMPLE_LINES = 100
_PATIENCE = 3
_MARK = b"\xef\xbb\xbf"
_SPACE = b" \t\r"
_BLANK = _SPACE + b"\n"
_POWER = re.compile(r"[+-]?\d*(?:\.\d*)?[eE][+-]?\d{1,2}")

Typed = Literal["texts", "numbers", "instants"]


class Readable(Protocol):
    """Be read forwards."""

    def read(self, count: int, /) -> bytes:
        """Give up to `count` bytes, or none at the end."""
        ...


class JsonLines:
    """Iterate over the rows of one file, sound blocks in bulk and odd blocks line by line.

    Shapes: rows are text, or of `kinds` when numbers, and then instants, are asked for.
    Guarantees: every line that is not blank is in exactly one `Rows` or `Reject`, and a number
    is never rounded. Of what nobody declared, `unknown_columns` names what a block's first lines
    hold; with the shape's `keeps_extra` all of it is packed into `_extra`.
    Raises: OddRowsError, for a block that cannot be read in bulk when rows are to be typed;
    or OddInstantsError, when that is due to its instants.
    """

    def __init__(
        self,
        file: Readable | BinaryIO,
        shape: Shape,
        fields: Mapping[str, str],
        caps: Caps | None = None,
        *,
        typed: Typed = "texts",
    ) -> None:
        columns, types, keeps = shape.columns, shape.types, shape.keeps_extra
        self.file, self.columns, self.caps = file, columns, caps or Caps()
        self._lines = JsonMessages(columns, fields, self.caps, once=True, keeps_extra=keeps)
        self._bulk = JsonBlock.of(
            self._lines.paths, types, strict=keeps, instants=typed == "instants"
        )
        self.kinds = (pa.string(),) * len(shape.carried)
        self._typed = typed != "texts" and self._bulk is not None
        if self._typed and self._bulk is not None:
            self.kinds = (*self._bulk.types, *self.kinds[len(columns) :])
        self._decimal = [n for n, kind in enumerate(types) if pa.types.is_decimal(kind)]
        self._refusals = 0
        self._line = self._row = 1

    @property
    def unknown_columns(self) -> tuple[str, ...]:
        """Name the columns that were met beyond the declared ones."""
        return tuple(sorted(self._lines.unknown))

    def __iter__(self) -> Iterator[FileRows | Reject]:
        left = self.file.read(len(_MARK)).removeprefix(_MARK)
        while more := self.file.read(max(_BLOCK_BYTES, len(left))):
            end = more.rfind(b"\n") + 1
            if end:  # one copy of what is large
                block, left = b"".join((left, memoryview(more)[:end])), more[end:]
            else:
                left += more
                end = left.rfind(b"\n") + 1
                block, left = left[:end], left[end:]
            if block:
                yield from self._block(block)
            elif len(left) > self.caps.row_bytes:
                left = yield from self._endless(left)
        if left:
            yield from self._block(left.removesuffix(b"\n") + b"\n")

    def _block(self, block: bytes) -> Iterator[FileRows | Reject]:
        if self._bulk is not None and len(block) <= self.caps.row_bytes:
            runs = self._bulk.read(block)
            if runs is not None:
                self._refusals = 0
                if self._bulk.is_loose:
                    self._lines.read(block.split(b"\n", _SAMPLE_LINES)[:-1])
                for run in runs:
                    self._line += len(run[0])  # each line is a row here
                    yield self._rows(
                        run if self._typed else list(map(exact_text, self.columns, run))
                    )
                return
            self._refusals += 1
            if self._refusals >= _PATIENCE:
                self._bulk = None  # such files never are what the engine takes
        first, self._line = self._line, self._line + block.count(b"\n")
        if not block.strip(_BLANK):
            return
        if self._typed:
            raise OddRowsError
        lines = block.split(b"\n")[:-1]
        written = ((at, line) for at, line in enumerate(lines, first) if line.strip(_SPACE))
        while some := list(islice(written, _LINES_AT_ONCE)):
            yield from self._read(some)

    def _read(self, lines: list[tuple[int, bytes]]) -> Iterator[FileRows | Reject]:
        """Give the lines in order, as runs of rows between the rejects."""
        values = [line for _, line in lines]
        decoded = self._lines.read(values)
        columns = [
            _without_powers(column) if n in self._decimal else column
            for n, column in enumerate(decoded.columns)
        ]
        columns += decoded.extra
        at = given = 0
        for place in [*sorted(decoded.refused), len(lines)]:
            count = place - at
            if count:
                yield self._rows([column.slice(given, count) for column in columns])
            if place < len(lines):
                line, text = lines[place]
                yield self._reject(line, decoded.refused[place], text)
            at, given = place + 1, given + count

    def _rows(self, columns: list[pa.Array]) -> FileRows:
        names = [*self.columns, EXTRA][: len(columns)]
        rows = FileRows(self._row, pa.record_batch(columns, names=names))
        self._row += rows.rows.num_rows
        return rows

    def _reject(self, line: int, reason: str, text: bytes) -> Reject:
        self._row += 1
        shown = text[: self.caps.payload_bytes].rstrip(b"\r")
        return Reject(line, reason, shown.decode("utf-8", "backslashreplace"))

    def _endless(self, begun: bytes) -> Generator[Reject, None, bytes]:
        """Pass a line that is longer than any may be; give what follows it."""
        left = b""
        while more := self.file.read(_BLOCK_BYTES):
            end = more.find(b"\n") + 1
            if end:
                left = more[end:]
                break
        yield self._reject(self._line, f"is longer than {self.caps.row_bytes} bytes", begun)
        self._line += 1
        return left


def _without_powers(column: pa.Array) -> pa.Array:
    """Write decimals such as `1e3` out, which is exact; leave what is beyond any decimal."""
    if not pc.any(pc.match_substring_regex(column, "[eE]")).as_py():
        return column
    return pa.array([_plain(text) for text in column.to_pylist()], pa.string())


def _plain(text: str | None) -> str | None:
    if text is None or not _POWER.fullmatch(text):
        return text
    try:
        return f"{Decimal(text):f}"
    except InvalidOperation:
        return text
