"""Whether a value of one of the engine's types always fits another."""

from __future__ import annotations

from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType

_SIGNED = ("tinyint", "smallint", "integer", "bigint", "hugeint")
_UNSIGNED = ("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint")
_DIGITS = dict(zip(_SIGNED, (3, 5, 10, 19, 39), strict=True)) | dict(
    zip(_UNSIGNED, (3, 5, 10, 20, 39), strict=True)
)
_INSTANTS = ("timestamp_s", "timestamp_ms", "timestamp", "timestamp_ns")
_EXACT = {"float": 5, "double": 10}  # digits of the widest integer that it holds as it is
_SUM = "hugeint"  # what the engine makes of a sum of integers


def described(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, DuckDBPyType]:
    """The columns of a query and the types that the engine gives them, without running it."""
    relation = connection.sql(sql)
    return dict(zip(relation.columns, relation.types, strict=True))


def fits(found: DuckDBPyType, wanted: DuckDBPyType) -> bool:
    """Whether every value of a type is kept as it is by the other.

    Guarantees: a sum of integers, which the engine makes wider than any contract, fits an integer
    of 64 bits: one that is too large ends the publish, and none is ever changed.
    """
    if str(found) == str(wanted):
        return True
    have, want = found.id, wanted.id
    if have != want:
        return have == "null" or _widens(found, wanted)
    if have == "decimal":
        return _decimal_fits(_parts(found), _parts(wanted))
    if have in ("list", "array", "map", "struct"):
        old, new = _children(found), _children(wanted)
        return [n for n, _ in old] == [n for n, _ in new] and all(
            fits(a, b) if isinstance(a, DuckDBPyType) else a == b
            for (_, a), (_, b) in zip(old, new, strict=True)
        )
    return have == "varchar"


def _widens(found: DuckDBPyType, wanted: DuckDBPyType) -> bool:
    have, want = found.id, wanted.id
    if have == _SUM and want in ("bigint", "ubigint"):
        return True
    for order in (_SIGNED, _UNSIGNED, _INSTANTS):
        if have in order and want in order:
            return order.index(have) < order.index(want)
    if have in _UNSIGNED and want in _SIGNED:
        return _UNSIGNED.index(have) < _SIGNED.index(want)
    if have in _DIGITS and want == "decimal":
        return _decimal_fits((_DIGITS[have], 0), _parts(wanted))
    if have in _DIGITS and want in _EXACT:
        return _DIGITS[have] <= _EXACT[want]
    return (have, want) in (("float", "double"), ("enum", "varchar"))


def _decimal_fits(found: tuple[int, int], wanted: tuple[int, int]) -> bool:
    digits, behind = found[0] - found[1], found[1]
    return behind <= wanted[1] and digits <= wanted[0] - wanted[1]


def _children(kind: DuckDBPyType) -> list[tuple[str, Any]]:
    """What a nested type is made of: element, fields, key and value, or length."""
    return list(kind.children)


def _parts(kind: DuckDBPyType) -> tuple[int, int]:
    parts = dict(_children(kind))
    return int(parts["precision"]), int(parts["scale"])
