"""The reader of Parquet files into rows of text that say exactly what was stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from platform_assets.declare.errors import quoted
from resources.source.arrow_text import exact_text
from resources.source.delivery import Caps, Rows, UnreadableFileError
from resources.source.extra import EXTRA, any_text, distinct, packed_columns

_ROWS_AT_ONCE = 65_536
_SMALL_BYTES = 64 * 2**20


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
    all their digits, instants in UTC. With `keeps_extra`, undeclared columns are packed into
    `_extra`. Raises: UnreadableFileError.
    """

    def __init__(
        self,
        file: BinaryIO,
        columns: tuple[str, ...],
        size: int,
        caps: Caps | None = None,
        *,
        keeps_extra: bool = False,
    ) -> None:
        self.file, self.columns, self.size, self.caps = file, columns, size, caps or Caps()
        self.keeps_extra = keeps_extra
        self.unknown_columns: tuple[str, ...] = ()
        self._beyond: dict[int, str] = {}

    def __iter__(self) -> Iterator[Rows]:
        try:
            yield from self._rows()
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise UnreadableFileError(f"it is no sound Parquet file: {error}") from None

    def _rows(self) -> Iterator[Rows]:
        with pq.ParquetFile(self.file) as parquet:
            self._prove(parquet)
            first = 1
            wanted = None if self._beyond else list(self.columns)
            for batch in parquet.iter_batches(_ROWS_AT_ONCE, columns=wanted):
                texts = [exact_text(name, batch.column(name)) for name in self.columns]
                names = list(self.columns)
                if self._beyond:
                    texts.append(self._extra(batch))
                    names.append(EXTRA)
                yield Rows(first, pa.record_batch(texts, names=names))
                first += batch.num_rows

    def _extra(self, batch: pa.RecordBatch) -> pa.Array:
        found = {name: any_text(name, batch.column(at)) for at, name in self._beyond.items()}
        return packed_columns(found, batch.num_rows)

    def _prove(self, parquet: pq.ParquetFile) -> None:
        names, footer = parquet.schema_arrow.names, parquet.metadata
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
