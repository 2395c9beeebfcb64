"""The reader of Parquet files into rows of text that say exactly what was stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from watermain.declare.errors import quoted
from watermain.source.arrow_text import exact_text
from watermain.source.delivery import Caps, FileRows, Reject, UnreadableFileError
from watermain.source.drop.parquet_bounds import prove_counts, rows_at_once
from watermain.source.drop.parquet_instants import Int96Texts
from watermain.source.extra import EXTRA, any_text, distinct, packed_columns, row_text
from watermain.source.poison import Poisoned, UnreadableRecordError, sifted

_SMALL_BYTES, _LARGE_BYTES = 64 * 2**20, 256 * 2**20


def is_whole(file: BinaryIO) -> bool:
    """Say whether the footer, which a writer writes last, can be read."""
    try:
        pq.ParquetFile(file).close()
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        return False
    finally:
        file.seek(0)
    return True


class ParquetRows:
    """Iterate over the rows of one file.

    Guarantees: numbers are written so that reading them gives the same number, decimals with
    all their digits, instants in UTC, and bytes each for itself where one of `types` is of bytes.
    With `keeps_extra`, undeclared columns are packed into
    `_extra`. A row that cannot be read is a reject with what it holds; the memory is bounded by
    what is decoded at once, and what a file may unpack to is bounded by its own size.
    Raises: UnreadableFileError.
    """

    def __init__(
        self,
        file: BinaryIO,
        columns: tuple[str, ...],
        size: int,
        caps: Caps | None = None,
        *,
        types: Sequence[pa.DataType] = (),
        keeps_extra: bool = False,
    ) -> None:
        self.file, self.columns, self.size, self.caps = file, columns, size, caps or Caps()
        self.types = dict(zip(columns, types, strict=True)) if types else {}
        self.keeps_extra = keeps_extra
        self.unknown_columns: tuple[str, ...] = ()
        self._beyond: dict[int, str] = {}
        self._given_bytes = 0

    def __iter__(self) -> Iterator[FileRows | Reject]:
        try:
            yield from self._all()
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise UnreadableFileError(f"it is no sound Parquet file: {error}") from None

    def _all(self) -> Iterator[FileRows | Reject]:
        with pq.ParquetFile(self.file, coerce_int96_timestamp_unit="us") as parquet:
            self._prove(parquet)
            instants, first = Int96Texts(self.file, parquet), 1
            wanted = None if self._beyond else list(self.columns)
            for group in range(parquet.num_row_groups):
                some = rows_at_once(parquet, self.file, group)
                beside = instants.batches(group, some)
                for batch in parquet.iter_batches(some, row_groups=[group], columns=wanted):
                    yield from self._given(first, instants.told(batch, next(beside)))
                    first += batch.num_rows

    def _given(self, first: int, batch: pa.RecordBatch) -> Iterator[FileRows | Reject]:
        """Give rows, and each that cannot be one as a reject in its place."""

        def read(begin: int, end: int) -> FileRows:
            part = batch.slice(begin, end - begin)
            if part.nbytes > self.caps.row_bytes:
                raise UnreadableRecordError(f"is longer than {self.caps.row_bytes} bytes")
            return FileRows(first + begin, self._texts(part))

        for part in sifted(read, 0, batch.num_rows):
            if isinstance(part, Poisoned):
                row = batch.slice(part.place, 1)
                payload = row_text(row)[: self.caps.payload_bytes]
                yield Reject(first + part.place, part.reason, payload)
            elif part.rows.num_rows:
                self._given_bytes += part.rows.nbytes
                if self._given_bytes > max(_LARGE_BYTES, self.caps.ratio * self.size):
                    raise UnreadableFileError(
                        f"it unpacks to more than {self._given_bytes} bytes from {self.size}"
                    )
                yield part

    def _texts(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts, names = list[pa.Array](), list(self.columns)
        for name in names:
            texts.append(exact_text(name, batch.column(name), self.types.get(name)))
        if self._beyond:
            texts.append(self._extra(batch))
            names.append(EXTRA)
        for text in texts:
            text.validate(full=True)
        return pa.record_batch(texts, names=names)

    def _extra(self, batch: pa.RecordBatch) -> pa.Array:
        found = {name: any_text(name, batch.column(at)) for at, name in self._beyond.items()}
        return packed_columns(found, batch.num_rows)

    def _prove(self, parquet: pq.ParquetFile) -> None:
        names, footer = parquet.schema_arrow.names, parquet.metadata
        if len(names) > self.caps.columns or footer.num_columns > self.caps.columns:
            raise UnreadableFileError(f"it has {max(len(names), footer.num_columns)} columns")
        prove_counts(footer, self.size)
        if missing := set(self.columns) - set(names):
            raise UnreadableFileError(
                f"it lacks {quoted(missing)}", ", ".join(names), tuple(sorted(missing))
            )
        if twice := {name for name in self.columns if names.count(name) > 1}:
            raise UnreadableFileError(f"it has {quoted(twice)} twice", ", ".join(names))
        beyond = distinct(names, self.columns)
        self.unknown_columns = tuple(sorted(beyond.values()))
        self._beyond = beyond if self.keeps_extra else {}
        groups = [footer.row_group(i).total_byte_size for i in range(footer.num_row_groups)]
        if sum(groups) > max(_SMALL_BYTES, self.caps.ratio * self.size):
            raise UnreadableFileError(f"it unpacks to {sum(groups)} bytes from {self.size}")
