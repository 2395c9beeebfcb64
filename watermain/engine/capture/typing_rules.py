"""Captured text turned into declared types, strictly."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import pyarrow as pa

from watermain.declare.dataset import Dataset
from watermain.engine.capture.calendar_reach import outside_calendar
from watermain.engine.capture.exact_leaf import exact, narrowed
from watermain.engine.capture.nested import is_nested, nested, shaped_name
from watermain.lake.lake import quote, text


def typed(column: str, kind: pa.DataType, engine_type: str) -> str:
    """The SQL expression of a text column in its type; null where the text does not fit.

    Shapes: of a nested type the column holds what `with_shapes` puts beside its text.
    Guarantees: nothing is rounded, truncated or guessed.
    """
    if is_nested(kind):
        return nested(column, kind, engine_type)
    return exact(column, kind, engine_type)


def nested_texts(dataset: Dataset, texts: Collection[str]) -> dict[str, pa.DataType]:
    """The nested columns that arrived as JSON text, which is taken apart before it is typed."""
    schema = dataset.contract.schema
    return {f.name: f.type for f in schema if f.name in texts and is_nested(f.type)}


def typed_columns(
    dataset: Dataset, schema: pa.Schema, types: Mapping[str, str], texts: Collection[str]
) -> list[str]:
    """The SQL of each stored column in its engine type, named `value_of` it, beside what arrived.

    `texts` are the columns that arrived as text; `_batch_id` arrives in none.
    """
    promised = dataset.contract.schema.names
    found = []
    for field in schema:
        if field.name == "_batch_id":
            continue
        is_text = field.name in promised and field.name in texts
        is_apart = is_text and is_nested(field.type)
        column = quote(shaped_name(field.name) if is_apart else field.name)
        value = typed_value(column, field.type, types[field.name], is_text=is_text)
        found.append(f"{value} as {value_of(field.name)}")
    return found


def typed_value(column: str, kind: pa.DataType, engine_type: str, *, is_text: bool) -> str:
    """The SQL of a column that arrived as text, or in a type which its own only narrows.

    A number or an instant is exact as it arrived, unless its type holds fewer digits.
    """
    if is_text:
        return typed(column, kind, engine_type)
    value = narrowed(column, engine_type) if pa.types.is_float32(kind) else column
    return f"try_cast({value} as {engine_type})"


def value_of(name: str) -> str:
    """The name of a column's typed value while what arrived stands beside it."""
    return quote(f"{name} typed")


def reject_reason(dataset: Dataset, value_of: Callable[[str], str]) -> str:
    """The SQL expression that says why a captured row cannot be kept, or null.

    `value_of` names the typed value of a column, which stands beside its text.
    """
    contract = dataset.contract
    word = dataset.origin
    cases = []
    # A delete needs its key and its partition: what else the old row held cannot keep it alive.
    spared = f"{word.whole_sql} and " if word.whole_sql else ""
    needed = list(contract.key)
    if dataset.cadence is not None and contract.event_time:
        needed.append(contract.event_time)
    for column in contract.columns:
        if pa.types.is_string(column.type):
            continue
        held = "" if column.name in needed else spared
        name = quote(column.name)
        value = value_of(column.name)
        cases.append(
            f"when {held}{name} is not null and {value} is null"
            f" then {text(f'`{column.name}` is not {column.type}')}"
        )
    cases += [f"when {quote(n)} is null then {text(f'`{n}` is null')}" for n in needed]
    if dataset.cadence is not None and contract.event_time:
        cases += outside_calendar(dataset, value_of(contract.event_time))
    guard = word.row_sql or "true"
    return f"case when not ({guard}) then null {' '.join(cases)} end"
