"""A feature table's rows in the lake as the entries of an online store, by SQL.

A key is the JSON array of the entity's values, byte for byte what `orjson.dumps` gives. A value is
the JSON object of the features in the contract's order. Numbers are exact: whole numbers are JSON
numbers, and decimals are text with every digit. Instants are text in ISO 8601 with six digits, and
with `Z` where they are UTC. NaN and infinities are null: JSON has no word for them. Bytes are
base64.
"""

from __future__ import annotations

import pyarrow as pa

from watermain.clock import instant_of
from watermain.declare.dataset import Dataset
from watermain.declare.feature_ref import feature_of
from watermain.lake.lake import quote, table, text

_SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}


def key_sql(dataset: Dataset, prefix: str = "") -> str:
    """The key of a row, as SQL text."""
    contract = dataset.contract
    parts = [
        _text_json(prefix + quote(name))
        if pa.types.is_string(contract.column(name).type)
        else f"{prefix}{quote(name)}::varchar"
        for name in feature_of(dataset).entity
    ]
    return "'[' || " + " || ',' || ".join(parts) + " || ']'"


def value_sql(dataset: Dataset, prefix: str = "") -> str:
    """The features of a row, as SQL text."""
    contract = dataset.contract
    fields = [
        f"{quote(name)} := {_value(prefix + quote(name), contract.column(name).type)}"
        for name in feature_of(dataset).columns(contract)
    ]
    return f"to_json(struct_pack({', '.join(fields)}))::varchar" if fields else "'{}'"


def event_sql(dataset: Dataset, prefix: str = "") -> str:
    """The microseconds of a row's event time."""
    return f"epoch_us({prefix}{quote(str(dataset.contract.event_time))})"


def known_sql(dataset: Dataset, prefix: str = "") -> str:
    """The microseconds from which a row counts: it has happened, and it is known."""
    known, event = feature_of(dataset).known_at, event_sql(dataset, prefix)
    return event if known is None else f"greatest({event}, epoch_us({prefix}{quote(known)}))"


def due_sql(dataset: Dataset, since_us: int) -> str:
    """The condition that a row did not count yet at an instant, cheap where files tell of it."""
    due = f"{known_sql(dataset)} > {since_us}"
    if feature_of(dataset).known_at is not None:
        return due
    return f"{due} and {quote(str(dataset.contract.event_time))} > {instant_sql(since_us)}"


def instant_sql(micros: int) -> str:
    """The literal of an instant."""
    return f"timestamptz {text(instant_of(micros).isoformat())}"


def columns_sql(dataset: Dataset, prefix: str = "") -> str:
    """Every column of the contract."""
    return ", ".join(prefix + quote(c.name) for c in dataset.contract.columns)


def entity_sql(dataset: Dataset, prefix: str = "") -> str:
    """The columns of the entity."""
    return ", ".join(prefix + quote(name) for name in feature_of(dataset).entity)


def rows_sql(dataset: Dataset, snapshot: int, until_us: int) -> str:
    """The rows that counted at an instant, of one snapshot; a filter can follow."""
    return (
        f"select * from {table(dataset.name)} at (version => {snapshot})"
        f" where {known_sql(dataset)} <= {until_us}"
        f" and {quote(str(dataset.contract.event_time))} <= {instant_sql(until_us)}"
    )


def newest_sql(dataset: Dataset, rows: str) -> str:
    """The newest of some rows of each entity: latest event time, and then latest known."""
    feature = feature_of(dataset)
    order = f"{quote(str(dataset.contract.event_time))} desc"
    order += f", {quote(feature.known_at)} desc" if feature.known_at else ""
    return (
        f"select * from ({rows}) qualify"
        f" row_number() over (partition by {entity_sql(dataset)} order by {order}) = 1"
    )


def entries_sql(dataset: Dataset, rows: str) -> str:
    """Rows as entries of a store: key, event_us and value."""
    return (
        f"select encode({key_sql(dataset)}) as key, {event_sql(dataset)} as event_us,"
        f" encode({value_sql(dataset)}) as value from ({rows})"
    )


def _text_json(column: str) -> str:
    """Text as JSON; the engine writes rare control characters with other digits than orjson."""
    escaped = f"replace(replace({column}, '\\', '\\\\'), '\"', '\\\"')"
    for code in range(32):
        word = _SHORT.get(code, f"\\u{code:04x}")
        escaped = f"replace({escaped}, chr({code}), {text(word)})"
    rare = f"regexp_matches({column}, '[\\x00-\\x1f]')"
    return f"case when {rare} then '\"' || {escaped} || '\"' else to_json({column})::varchar end"


def _value(column: str, kind: pa.DataType) -> str:
    """One feature as something that the engine's JSON writes exactly."""
    written = column
    if pa.types.is_floating(kind):
        written = f"case when isfinite({column}) then {column} end"
    elif pa.types.is_decimal(kind):
        written = f"{column}::varchar"
    elif pa.types.is_timestamp(kind):
        zone = "Z" if kind.tz is not None else ""
        shown = f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%f{zone}')"
        written = f"case when isfinite({column}) then {shown} end"
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        written = f"base64({column})"
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        written = f"list_transform({column}, lambda x: {_value('x', kind.value_type)})"
    elif pa.types.is_struct(kind):
        inner = ", ".join(
            f"{quote(f.name)} := {_value(f'{column}.{quote(f.name)}', f.type)}" for f in kind
        )
        written = f"case when {column} is not null then struct_pack({inner}) end"
    return written
