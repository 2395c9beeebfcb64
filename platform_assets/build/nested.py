"""The SQL that turns JSON text into a nested value, each of its leaves by the rule of its type."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from platform_assets.build.exact_leaf import exact, is_text
from platform_assets.build.table import engine_types
from resources.lake import quote, text
from resources.source.json_shape import is_listed, shaper

_EXISTS = "already exists"


def is_nested(kind: pa.DataType) -> bool:
    """Whether values of the type have parts."""
    return bool(pa.types.is_nested(kind))


def learn_shapes(connection: duckdb.DuckDBPyConnection, kinds: Iterable[pa.DataType]) -> None:
    """Teach the engine to take JSON apart as these types want it; others need nothing.

    Guarantees: the functions belong to the engine, so that every connection of it has them.
    """
    for kind in {kind for kind in kinds if is_nested(kind)}:
        try:
            create: Any = connection.create_function  # its type knows no such mode by name
            create(
                _name(kind),
                shaper(kind),
                ["VARCHAR"],
                _engine_text(kind),
                type="arrow",
                null_handling="special",
            )
        except (duckdb.CatalogException, duckdb.NotImplementedException) as error:
            if _EXISTS not in str(error) and "already created" not in str(error):
                raise


def nested(column: str, kind: pa.DataType, engine_type: str) -> str:
    """The SQL expression of JSON text in a nested type; null where a leaf does not fit.

    Its parts are named inside a list of one, so that the text is taken apart once.
    """
    whole = f"case when x is not null and {_fits('x', kind, 1)} then {_built('x', kind, 1)} end"
    found = f"list_transform([{_name(kind)}({column})], lambda x: {whole})[1]"
    return f"try_cast({found} as {engine_type})"


def _name(kind: pa.DataType) -> str:
    return f"watermain_shape_{hashlib.sha256(str(kind).encode()).hexdigest()[:16]}"


def _engine_text(kind: pa.DataType) -> str:
    """The engine's name of the type with texts for leaves."""
    if is_listed(kind):
        return f"{_engine_text(kind.value_type)}[]"
    if pa.types.is_map(kind):
        key, value = _engine_text(kind.key_type), _engine_text(kind.item_type)
        return f'STRUCT("key" {key}, "value" {value})[]'
    if pa.types.is_struct(kind):
        inside = ", ".join(f"{quote(f.name)} {_engine_text(f.type)}" for f in kind)
        return f"STRUCT({inside})"
    return "VARCHAR"


def _fits(value: str, kind: pa.DataType, depth: int) -> str:
    """The SQL condition that every leaf is null or fits; never null itself."""
    each = f"x{depth}"
    if is_listed(kind):
        inner = _fits(each, kind.value_type, depth + 1)
        return f"coalesce(len(list_filter({value}, lambda {each}: not {inner})) = 0, true)"
    if pa.types.is_map(kind):
        key, held = f"{each}.key", f"{each}.value"
        inner = (
            f"{key} is not null and {_fits(key, kind.key_type, depth + 1)}"
            f" and {_fits(held, kind.item_type, depth + 1)}"
        )
        keys = f"list_transform({value}, lambda {each}: {_built(key, kind.key_type, depth + 1)})"
        return (
            f"(coalesce(len(list_filter({value}, lambda {each}: not ({inner}))) = 0, true)"
            f" and coalesce(len(list_distinct({keys})) = len({value}), true))"
        )
    if pa.types.is_struct(kind):
        return f"({' and '.join(_fits(_part(value, f.name), f.type, depth) for f in kind)})"
    if is_text(kind):
        return "true"
    return f"({value} is null or {_leaf(value, kind)} is not null)"


def _built(value: str, kind: pa.DataType, depth: int) -> str:
    """The SQL expression of the value, of whose leaves each fits."""
    each = f"x{depth}"
    if is_listed(kind):
        return f"list_transform({value}, lambda {each}: {_built(each, kind.value_type, depth + 1)})"
    if pa.types.is_map(kind):
        key = _built(f"{each}.key", kind.key_type, depth + 1)
        held = _built(f"{each}.value", kind.item_type, depth + 1)
        pair = f"struct_pack(k := {key}, v := {held})"
        return f"map_from_entries(list_transform({value}, lambda {each}: {pair}))"
    if pa.types.is_struct(kind):
        parts = ", ".join(
            f"{quote(f.name)} := {_built(_part(value, f.name), f.type, depth)}" for f in kind
        )
        return f"case when {value} is not null then struct_pack({parts}) end"
    return _leaf(value, kind)


def _part(value: str, name: str) -> str:
    return f"struct_extract({value}, {text(name)})"


def _leaf(value: str, kind: pa.DataType) -> str:
    return exact(value, kind, _leaf_type(kind))


@cache
def _leaf_type(kind: pa.DataType) -> str:
    with duckdb.connect() as engine:
        return engine_types(engine, pa.schema([("leaf", kind)]))["leaf"]
