"""How many rows of a Parquet file may be decoded at once, however few bytes they come from.

Source: Apache Parquet, "Encodings": a dictionary, like a prefix of the value before, gives a long
value for next to nothing, and a run of levels gives any number of nulls or list items.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from watermain.source.delivery import UnreadableFileError

ROWS_AT_ONCE = 65_536
BYTES_AT_ONCE = 32 * 2**20
MOST_ROWS, ROWS_PER_BYTE = 2_000_000, 16
MOST_ITEMS = 50_000_000
_ITEMS_AT_ONCE = 1_000_000
_BYTES = ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
_PREFIXED = "DELTA_BYTE_ARRAY"


def prove_counts(footer: pq.FileMetaData, size: int) -> None:
    """Refuse a file whose rows or list items are too many for its bytes.

    Raises: UnreadableFileError.
    """
    if footer.num_rows > max(MOST_ROWS, ROWS_PER_BYTE * size):
        raise UnreadableFileError(f"it says that {size} bytes hold {footer.num_rows} rows")
    for at in range(footer.num_columns):
        if not footer.schema.column(at).max_repetition_level:
            continue
        items = max(
            (_chunk(footer, g, at).num_values for g in range(footer.num_row_groups)), default=0
        )
        if items > MOST_ITEMS:
            raise UnreadableFileError(f"a group holds {items} items in lists")


def rows_at_once(parquet: pq.ParquetFile, file: BinaryIO, group: int) -> int:
    """Say how many rows of a group are decoded at once so that they stay within BYTES_AT_ONCE.

    Guarantees: the longest value that a row could have is counted for each row.
    """
    footer, longest, items = parquet.metadata, 0, 0
    rows = max(1, footer.row_group(group).num_rows)
    for at in range(footer.num_columns):
        chunk, column = _chunk(footer, group, at), footer.schema.column(at)
        if column.max_repetition_level:
            items = max(items, chunk.num_values // rows)
        if chunk.physical_type in _BYTES and chunk.num_values * _most(chunk) > BYTES_AT_ONCE:
            longest += _longest(file, group, at, chunk, column)
    some = min(ROWS_AT_ONCE, BYTES_AT_ONCE // max(longest, 1), _ITEMS_AT_ONCE // max(items, 1))
    return max(1, some)


def _chunk(footer: pq.FileMetaData, group: int, at: int) -> Any:
    return footer.row_group(group).column(at)


def _most(chunk: Any) -> int:
    return int(chunk.total_uncompressed_size)


def _longest(file: BinaryIO, group: int, at: int, chunk: Any, column: Any) -> int:
    """The length of the longest value that comes for less than its own bytes."""
    if _PREFIXED in chunk.encodings:
        return _most(chunk)
    if column.physical_type == _BYTES[1]:
        return int(column.length)
    if not chunk.has_dictionary_page:
        return 0
    file.seek(0)
    with pq.ParquetFile(file, read_dictionary=[chunk.path_in_schema]) as beside:
        first = next(beside.iter_batches(1, row_groups=[group], columns=[column.path]), None)
    leaf = None if first is None or not first.num_columns else first.column(0)
    if leaf is None or not pa.types.is_dictionary(leaf.type):
        return min(_most(chunk), BYTES_AT_ONCE)
    return int(pc.max(pc.binary_length(leaf.dictionary)).as_py() or 0)
