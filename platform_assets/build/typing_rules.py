"""Captured text turned into declared types, strictly."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import pyarrow as pa

from platform_assets.build.partition import is_zoned
from platform_assets.declare.dataset import Dataset
from resources.lake import quote, text


def typed(column: str, kind: pa.DataType, engine_type: str, source: str) -> str:
    """The SQL expression of a text column in its type; null where the text does not fit.

    Guarantees: nothing is rounded, truncated or guessed.
    """
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column
    if pa.types.is_binary(kind) and source == "postgres":
        return f"try(unhex(substr({column}, 3)))"
    fits = _shape(column, kind)
    cast = f"try_cast({column} as {engine_type})"
    if fits is None:
        return cast
    # A number that is written as the engine writes it has the shape: no pattern is tried on it.
    plain = "" if pa.types.is_date(kind) else f"when {cast}::varchar = {column} then {cast} "
    return f"case {plain}when {fits} then {cast} end"


def typed_columns(
    dataset: Dataset, schema: pa.Schema, types: Mapping[str, str], texts: Collection[str]
) -> list[str]:
    """The SQL of each stored column in its engine type, named `value_of` it, beside what arrived.

    `texts` are the columns that arrived as text; `_batch_id` arrives in none.
    """
    source, promised = dataset.source.kind if dataset.source else "", dataset.contract.schema.names
    return [
        f"{typed(quote(f.name), f.type, types[f.name], source)} as {value_of(f.name)}"
        if f.name in promised and f.name in texts
        else f"try_cast({quote(f.name)} as {types[f.name]}) as {value_of(f.name)}"
        for f in schema
        if f.name != "_batch_id"
    ]


def value_of(name: str) -> str:
    """The name of a column's typed value while what arrived stands beside it."""
    return quote(f"{name} typed")


def _shape(column: str, kind: pa.DataType) -> str | None:
    if pa.types.is_integer(kind):
        return rf"regexp_full_match({column}, '[+-]?\d+')"
    if pa.types.is_decimal(kind):
        return rf"regexp_full_match({column}, '[+-]?\d*(\.\d{{0,{kind.scale}}}0*)?')"
    if pa.types.is_date(kind):
        return rf"regexp_full_match({column}, '\d{{4,}}-\d\d-\d\d')"
    return None


def reject_reason(dataset: Dataset, value_of: Callable[[str], str]) -> str:
    """The SQL expression that says why a captured row cannot be kept, or null.

    `value_of` names the typed value of a column, which stands beside its text.
    """
    contract = dataset.contract
    kind = dataset.source.kind if dataset.source else ""
    cases = []
    # A delete needs its key with its partition: what else the old row held cannot keep it alive.
    spared = "_op <> 'd' and " if kind == "postgres" else ""
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
        event = contract.column(contract.event_time)
        value = value_of(event.name)
        first = (
            dataset.cadence.window(dataset.cadence.start.strftime("%Y-%m-%d")).start
            if dataset.cadence.unit == "day"
            else None
        )
        if first is not None:
            bound = (
                f"timestamptz {text(first.isoformat())}"
                if is_zoned(contract)
                else f"timestamp {text(dataset.cadence.start.isoformat())}"
            )
            cases.append(
                f"when {value} < {bound} then"
                f" {text(f'`{event.name}` lies before the first partition')}"
            )
    guard = "_op <> 't'" if kind == "postgres" else "true"
    return f"case when not ({guard}) then null {' '.join(cases)} end"
