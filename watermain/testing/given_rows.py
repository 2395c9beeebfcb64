"""Rows that a test gives, as Arrow of the types that a declaration promises."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

import pyarrow as pa
import pyarrow.types as is_

from watermain.declare.errors import TerminalError, quoted
from watermain.engine.table.handed import kept_as, kin

Row = Mapping[str, Any]
Given = Iterable[Row] | Any  # or a table of Arrow, pandas, polars or ibis
MOST_SHOWN = 200
_GAPS = ("NAType", "NaTType")
NOTHING = "nothing was computed or written"


class GivenRowsError(TerminalError):
    """Refuse rows or inputs that a test gives and no declaration knows."""


class TypedRows(list[dict[str, Any]]):
    """Rows as dicts, in the order of their key; `table` holds the same in Arrow's types.

    Raises: GivenRowsError, when they hold an instant or a date outside Python's years.
    """

    def __init__(self, table: pa.Table) -> None:
        try:
            super().__init__(table.to_pylist())
        except (OverflowError, ValueError) as error:
            raise GivenRowsError(
                f"rows with {quoted(table.column_names)} cannot be told in Python: {error}",
                declared="watermain.testing",
                data=NOTHING,
                next="give rows whose instants stay within the years 1 to 9999",
            ) from error
        self.table = table


def as_table(given: Given, schema: pa.Schema, *, of: str, declared: str) -> pa.Table:
    """The rows with all columns of the schema and in its types; a column left out is null.

    Shapes: `of` names what the rows are for, in errors. Text stands for an instant, a date, a
    time of day or a decimal where the type is one.
    Guarantees: no value is changed to fit, and a wall clock is no instant.
    Raises: GivenRowsError, for a column that is not in the schema or a value that its type
    cannot hold.
    """
    teller = _Teller(of, declared)
    table = _tabular(given)
    if table is not None:
        teller.refuse_unknown(table.schema.names, schema)
        columns = [_column(table, field, teller) for field in schema]
        return pa.Table.from_arrays(columns, schema=schema)
    rows = list(given)
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise teller.refusal(f"row {number} is {_shown(row)}, no dict", "give dicts")
        teller.refuse_unknown([str(name) for name in row], schema, f"row {number} names ")
    columns = [_array([row.get(field.name) for row in rows], field, teller) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def guessed(given: Given, *, of: str, declared: str) -> pa.Table:
    """The rows in the types that their values have, where no declaration tells of them."""
    table = _tabular(given)
    if table is not None:
        return table
    rows = [dict(row) for row in given]
    names = dict.fromkeys(name for row in rows for name in row)
    try:
        return pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
    except pa.ArrowException as error:
        raise _Teller(of, declared).refusal(
            f"values of one column have no type in common: {error}", "give values of one type"
        ) from error


def _tabular(given: Any) -> pa.Table | None:
    """A table of whichever library as an Arrow table; None for anything else."""
    library = type(given).__module__.partition(".")[0]
    if isinstance(given, pa.RecordBatchReader):
        return given.read_all()
    if isinstance(given, pa.Table):
        return given
    if library == "pandas":
        return pa.Table.from_pandas(given, preserve_index=False)
    if library == "polars":
        return given.lazy().collect().to_arrow()
    return given.to_pyarrow() if library == "ibis" else None


class _Teller:
    """Word what is wrong with rows."""

    def __init__(self, of: str, declared: str) -> None:
        self.of, self.declared = of, declared

    def refusal(self, what: str, next: str) -> GivenRowsError:
        return GivenRowsError(
            f"rows of {self.of}: {what}", declared=self.declared, data=NOTHING, next=next
        )

    def refuse_unknown(self, names: Iterable[str], schema: pa.Schema, who: str = "") -> None:
        unknown = [name for name in names if name not in schema.names]
        if unknown:
            some = f"{who}{quoted(unknown)}"
            what = f"{some}, which no column is called"
            raise self.refusal(what, f"use some of {quoted(schema.names)}")

    def refuse_value(self, number: int, field: pa.Field, value: object) -> GivenRowsError:
        what = (
            f"row {number} of `{field.name}` holds {_shown(value)}, which {field.type} cannot hold"
        )
        return self.refusal(f"{what}{_why(value, field.type)}", _instead(field.type))


def _column(table: pa.Table, field: pa.Field, teller: _Teller) -> pa.Array:
    """A column of a table in the wanted type; null where the table lacks it."""
    if field.name not in table.schema.names:
        return pa.nulls(table.num_rows, field.type)
    column = table.column(field.name)
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    kept = kept_as(array, field.type) if kin(array.type, field.type) else None
    if kept is None:
        what = f"`{field.name}` is {array.type}, whose values {field.type} cannot hold as they are"
        raise teller.refusal(what, _instead(field.type))
    return kept


def _array(values: list[Any], field: pa.Field, teller: _Teller) -> pa.Array:
    kind = field.type
    if is_.is_dictionary(kind) or is_.is_run_end_encoded(kind):
        plain = _array(values, pa.field(field.name, kind.value_type), teller)
        return plain.dictionary_encode().cast(kind) if is_.is_dictionary(kind) else plain
    held = []
    for number, value in enumerate(values):
        try:
            held.append(_held(value, kind))
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            raise teller.refuse_value(number, field, value) from error
    return pa.array(held, kind)


def _held(value: Any, kind: pa.DataType) -> Any:
    """A value as Arrow gives it back.

    Raises: ValueError, or Arrow's own errors, where that is another one.
    """
    if value is None or type(value).__name__ in _GAPS:
        return None
    if isinstance(value, str) and is_.is_time(kind):
        value = time.fromisoformat(value)
    if isinstance(value, str) and (is_.is_temporal(kind) or is_.is_decimal(kind)):
        return pa.scalar(value, pa.string()).cast(kind).as_py()
    back = pa.scalar(value, kind).as_py()
    narrow = is_.is_float32(kind) or is_.is_float16(kind)
    if not (_same(value, back) or (narrow and _same(float(value), value))):
        raise ValueError(value)
    return back


def _same(given: Any, back: Any) -> bool:
    """Whether a value came back as it was given."""
    if isinstance(back, datetime) or isinstance(given, datetime):
        both = isinstance(back, datetime) and isinstance(given, datetime)
        return both and (given.tzinfo is None) == (back.tzinfo is None) and given == back
    if isinstance(back, dict):
        known = isinstance(given, Mapping) and set(given) <= set(back)
        return known and all(_same(given.get(name), back[name]) for name in back)
    if isinstance(back, (list, tuple)):
        parts = list(given.items()) if isinstance(given, Mapping) else list(given)
        return len(parts) == len(back) and all(map(_same, parts, back))
    if isinstance(back, bool) != (type(given).__name__ in ("bool", "bool_")):
        return False
    is_day = isinstance(back, date) == isinstance(given, date)
    return is_day and bool(given == back or (_is_nan(given) and _is_nan(back)))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _shown(value: object) -> str:
    return repr(value)[:MOST_SHOWN]


def _why(value: object, kind: pa.DataType) -> str:
    if isinstance(value, (datetime, str)) and is_.is_timestamp(kind) and kind.tz is not None:
        return ": an instant names its zone"
    if isinstance(value, datetime) and is_.is_timestamp(kind):
        return ": a wall clock names no zone" if value.tzinfo is not None else ""
    return ""


def _instead(kind: pa.DataType) -> str:
    """What to give for a type."""
    if is_.is_timestamp(kind):
        zoned = 'datetime(2013, 1, 1, 12, tzinfo=UTC), or "2013-01-01 12:00:00Z"'
        naive = 'datetime(2013, 1, 1, 12), or "2013-01-01 12:00:00"'
        return f"give {naive if kind.tz is None else zoned}"
    if is_.is_decimal(kind):
        return 'give Decimal("1.50"), or "1.50", with no more digits than the type has'
    return f"give what {kind} holds, or None"
