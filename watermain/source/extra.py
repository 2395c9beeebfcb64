"""The columns that nobody declared, kept beside each row as one JSON object of texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from watermain.declare.column.drift import EXTRA
from watermain.source.arrow_text import exact_text
from watermain.source.delivery import UnreadableFileError
from watermain.source.poison import POISON, UnreadableRecordError

__all__ = [
    "EXTRA",
    "any_text",
    "distinct",
    "packed",
    "packed_columns",
    "row_text",
    "sound_text",
    "told",
]


def packed(pairs: Iterable[tuple[str, str | None]]) -> str | None:
    """Write down what has a value; None when nothing has.

    Guarantees: names stand in their order, and a half character as its escape.
    """
    held = {sound_text(name): sound_text(value) for name, value in pairs if value is not None}
    return json.dumps(held, ensure_ascii=False) if held else None


def packed_columns(columns: Mapping[str, pa.Array], count: int) -> pa.Array:
    """Write down the undeclared columns of `count` rows, an object for each row."""
    names = list(columns)
    values = [columns[name].to_pylist() for name in names]
    if not values:
        return pa.nulls(count, pa.string())
    found = [packed(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
    return pa.array(found, pa.string())


def any_text(name: str, column: pa.Array) -> pa.Array:
    """Write a column of any type as text; what has no single text as JSON."""
    try:
        return exact_text(name, column)
    except (UnreadableFileError, UnreadableRecordError, pa.ArrowException, ValueError):
        values = [None if each is None else told(each) for each in column.to_pylist()]
        return pa.array(values, pa.string())


def distinct(names: Sequence[str], declared: Iterable[str]) -> dict[int, str]:
    """Name the undeclared columns by their places; one that comes twice gets a number."""
    known, taken, found = set(declared), set(names), dict[int, str]()
    given: set[str] = set()
    numbers: dict[str, int] = {}
    for at, name in enumerate(names):
        if name in known:
            continue
        fresh, number = name, numbers.get(name, 1)
        while fresh in given or (number > 1 and fresh in taken):
            number += 1
            fresh = f"{name} {number}"
        numbers[name] = number
        given.add(fresh)
        found[at] = fresh
    return found


def told(value: object) -> str:
    """Write any value as text: bytes in hexadecimal digits, and what is nested as JSON."""
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, str):
        return value
    plain = dict(value) if isinstance(value, Mapping) else value
    return json.dumps(plain, ensure_ascii=False, default=_plain)


def row_text(row: pa.RecordBatch) -> str:
    """Write down one row that nobody could read, as far as what it holds can be said.

    Guarantees: it is JSON, an object with the name of each column.
    """
    return told({name: _some_text(row.column(at)) for at, name in enumerate(row.schema.names)})


def _some_text(column: pa.Array) -> str | None:
    for kind in (None, pa.binary(), pa.int64(), pa.int32()):
        try:
            found = any_text("", column) if kind is None else column.view(kind)
            found.validate(full=True)
            value = found[0].as_py()
            return None if value is None else told(value)
        except (*POISON, UnreadableFileError):
            continue
    return f"a {column.type}"


def _plain(value: object) -> str:
    return "\\x" + value.hex() if isinstance(value, bytes) else str(value)


def sound_text(text: str) -> str:
    """Give the text with half characters escaped, for no engine takes them."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()
