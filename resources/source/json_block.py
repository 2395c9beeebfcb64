"""The reading of JSON lines in bulk, where no value loses anything by its declared type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from resources.source.instants import instants, is_instant

_AT_ONCE_BYTES = 256 * 2**10  # what stays in a core's cache
_SUSPECT = (b"NaN", b"Inf")
_NEWLINE, _RETURN, _OPEN, _CLOSE = b"\n\r{}"
_UNEXPECTED = "unexpected field"
_DECIMAL_DIGITS = 38


class JsonBlock:
    """Read blocks of whole lines with the engine's parser, numbers straight into their types.

    Guarantees: a block is given only when reading it line by line would give the same values;
    whatever is odd about a line gives None instead. `is_loose` tells that something is in the
    blocks which nobody declared; with `strict` that is odd.
    Raises: OddInstantsError, for a block that is odd in its instants only.
    """

    def __init__(
        self, paths: Sequence[tuple[str, ...]], types: Sequence[pa.DataType], *, strict: bool
    ) -> None:
        self.paths, self.types, self.strict = paths, tuple(types), strict
        self.is_loose = False
        read = [pa.string() if is_instant(kind) else kind for kind in types]
        self._parse = {
            way: pj.ParseOptions(
                explicit_schema=pa.schema(_nested(paths, read)), unexpected_field_behavior=way
            )
            for way in ("error", "ignore")
        }

    @staticmethod
    def of(
        paths: Sequence[tuple[str, ...]],
        types: Sequence[pa.DataType],
        *,
        strict: bool = False,
        instants: bool = False,
    ) -> JsonBlock | None:
        """Prepare for these columns; None when the engine has no exact type for one of them.

        Instants are texts, or what these say where they are asked for.
        """
        within = [path[:cut] for path in paths for cut in range(1, len(path))]
        fit = [each if instants and is_instant(each) else _engine_type(each) for each in types]
        if len(fit) != len(paths) or None in fit:
            return None
        if len(set(paths)) < len(paths) or set(paths).intersection(within):
            return None
        return JsonBlock(paths, fit, strict=strict)

    def read(self, block: bytes) -> list[list[pa.Array]] | None:
        """Give the columns in `types`, in one list for each run of rows, in order."""
        lines = _objects(block)
        if not lines:
            return None
        try:
            table = self._parsed(block)
            # Of what is declared each value is proved; of the rest the engine takes `NaN`, too.
            if self.is_loose and _is_suspect(block):
                return None
            if table.num_rows != lines:
                return None
            runs = table.combine_chunks().to_batches()
            columns = list(zip(self.paths, self.types, strict=True))
            return [[_column(run, path, kind) for path, kind in columns] for run in runs]
        except (pa.ArrowException, UnicodeDecodeError):
            return None

    def _parsed(self, block: bytes) -> pa.Table:
        try:
            return self._table(block, "ignore" if self.is_loose else "error")
        except pa.ArrowInvalid as error:
            if self.strict or self.is_loose or _UNEXPECTED not in str(error):
                raise
            self.is_loose = True
            return self._table(block, "ignore")

    def _table(self, block: bytes, way: str) -> pa.Table:
        return pj.read_json(
            pa.BufferReader(block),
            read_options=pj.ReadOptions(block_size=_AT_ONCE_BYTES),
            parse_options=self._parse[way],
        )


def _is_suspect(block: bytes) -> bool:
    return any(word in block for word in _SUSPECT)


def _column(batch: pa.RecordBatch, path: tuple[str, ...], kind: pa.DataType) -> pa.Array:
    column: Any = batch.column(path[0])
    if len(path) > 1:
        column = pc.struct_field(column, list(path[1:]))
    if pa.types.is_string(column.type):
        column.validate(full=True)
    elif pa.types.is_floating(column.type) and not _all_finite(column):
        raise pa.ArrowInvalid("a number too large for its type")
    return instants(column, kind) if is_instant(kind) else column


def _all_finite(column: pa.Array) -> bool:
    return bool(pc.all(pc.is_finite(column), min_count=0).as_py())  # also of nothing but nulls


def _objects(block: bytes) -> int:
    """Count lines, when each goes from a brace that opens to one that closes; 0 otherwise.

    Nothing else may reach the engine: a line that is `null` ends the process.
    """
    letters = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(letters == _NEWLINE)
    if letters[0] != _OPEN or letters[-1] != _NEWLINE:
        return 0
    last = letters[ends - 1]
    if (last == _RETURN).any():
        last = np.where(last == _RETURN, letters[ends - 2], last)
    whole = (letters[ends[:-1] + 1] == _OPEN).all() and (last == _CLOSE).all()
    return len(ends) if whole else 0


def _engine_type(kind: pa.DataType) -> pa.DataType | None:
    if pa.types.is_boolean(kind) or pa.types.is_uint64(kind):
        return kind
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return kind
    if pa.types.is_decimal(kind):
        return pa.decimal128(_DECIMAL_DIGITS, kind.scale) if kind.scale >= 0 else None
    return None if pa.types.is_nested(kind) else pa.string()


def _nested(
    paths: Sequence[tuple[str, ...]], types: Sequence[pa.DataType]
) -> list[tuple[str, pa.DataType]]:
    tree: dict[str, Any] = {}
    for path, kind in zip(paths, types, strict=True):
        branch = tree
        for step in path[:-1]:
            branch = branch.setdefault(step, {})
        branch[path[-1]] = kind
    return _fields(tree)


def _fields(tree: Mapping[str, Any]) -> list[tuple[str, pa.DataType]]:
    return [
        (name, pa.struct(_fields(kind)) if isinstance(kind, dict) else kind)
        for name, kind in tree.items()
    ]
