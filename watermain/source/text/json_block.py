"""The reading of JSON lines in bulk, where no value loses anything by its declared type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from watermain.source.text.instants import instants, is_instant

_AT_ONCE_BYTES = 256 * 2**10  # what stays in a core's cache
_SUSPECT = (b"NaN", b"Inf")
_ZEROS = b"0" * 300
_NEWLINE, _RETURN, _OPEN, _CLOSE, _MINUS = b"\n\r{}-"
_UNEXPECTED = "unexpected field"
_DECIMAL_DIGITS = 38
_POWER, _DIGIT = b"e0"
_LOWER, _TEN = 0x20, 10


class JsonBlock:
    """Read blocks of whole lines with the engine's parser, and numbers straight into their types.

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
        read = [_parsed_as(kind) for kind in types]
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
        """Give the columns in `types` as one list for each run of rows, in order."""
        lines = _objects(block)
        if not lines:
            return None
        try:
            table = self._parsed(block)
            # Of what is declared each value is proved; of the rest the engine takes `NaN` too.
            if self.is_loose and _is_suspect(block):
                return None
            if table.num_rows != lines:
                return None
            batches = table.combine_chunks().to_batches()
            columns = list(zip(self.paths, self.types, strict=True))
            runs = [[_column(run, path, kind) for path, kind in columns] for run in batches]
            return None if any(map(_has_zero, runs)) and _is_tiny(block) else runs
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
    elif pa.types.is_decimal(column.type):
        return column.cast(kind)
    return instants(column, kind) if is_instant(kind) else column


def _has_zero(columns: Sequence[pa.Array]) -> bool:
    return any(
        pc.any(pc.equal(each, pa.scalar(0, each.type)), min_count=0).as_py()
        for each in columns
        if pa.types.is_floating(each.type) or pa.types.is_decimal(each.type)
    )


def _is_tiny(block: bytes) -> bool:
    """Whether a number may have become zero that is none, since it is too small: `1e-400`, say."""
    if _ZEROS in block:
        return True
    letters = np.frombuffer(block, np.uint8)
    at = np.flatnonzero(letters[1:-3] == _MINUS) + 1
    at = at[letters[at - 1] | _LOWER == _POWER]
    digits = [letters[at + place] - _DIGIT < _TEN for place in (1, 2, 3)]
    return bool(np.any(np.logical_and.reduce(digits)))


def _all_finite(column: pa.Array) -> bool:
    return bool(pc.all(pc.is_finite(column), min_count=0).as_py())  # also of nothing but nulls


def _objects(block: bytes) -> int:
    """Count lines when each goes from a brace that opens to one that closes; otherwise give 0.

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
        return pa.float64()  # were it as narrow as it is wanted, digits would be lost unseen
    if pa.types.is_decimal(kind):
        return pa.decimal128(_DECIMAL_DIGITS, kind.scale) if kind.scale >= 0 else None
    return None if pa.types.is_nested(kind) else pa.string()


def _parsed_as(kind: pa.DataType) -> pa.DataType:
    """What the engine reads a value as, of which nothing is lost on the way to its type.

    Its decimals of 128 bits overflow unseen when digits are moved behind the point.
    """
    if pa.types.is_decimal(kind):
        return pa.decimal256(_DECIMAL_DIGITS, kind.scale)
    return pa.string() if is_instant(kind) else kind


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
