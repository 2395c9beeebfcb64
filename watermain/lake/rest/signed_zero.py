"""Rows written so that a negative zero stays one.

DuckDB writes a column of few different values as a dictionary, whose keys it compares as numbers:
of negative zero and zero it keeps the one that comes first, for both. So a file of ours never has
both in one column.

Source: https://github.com/duckdb/duckdb/issues/25781
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import duckdb
import pyarrow as pa

from watermain.declare.errors import BrokenContractError
from watermain.lake.lake import quote, text

Signs = tuple[int, ...]
_COUNT, _LEFT = "watermain_negative_zeros", "watermain_negative"
_SIGN = "when signbit({0}) then -1 else 1"


def floating(schema: pa.Schema) -> list[str]:
    """The floating numbers of a table, each as an SQL expression; those of structs among them.

    Guarantees: none for what lists and maps hold, since one value may have both zeros.
    """
    return [each for field in schema for each in _floats(quote(field.name), field.type)]


def written(
    connection: duckdb.DuckDBPyConnection, target: str, select: str, floats: Sequence[str]
) -> int:
    """Insert the rows of a select by name; give their number.

    Guarantees: each of the floating numbers reads back with its sign. Rows without a negative
    zero are written in one pass, which counts the others; those follow in files of their own, as
    few as need be.
    Raises: BrokenContractError, where the select gives others of them when it is asked again.
    """
    if not floats:
        return _inserted(connection, target, select)
    any_sign = " or ".join(f"({each} = 0 and signbit({each}))" for each in floats)
    connection.execute(f"create temp sequence if not exists {_COUNT}")
    before = _next(connection)
    aside = f"case when {any_sign} then nextval('{_COUNT}') < 0 else true end"
    count = _inserted(connection, target, f"select * from ({select}) where {aside}")
    left = _next(connection) - before - 1
    if not left:
        return count
    connection.execute(
        f"create or replace temp table {_LEFT} as select * from ({select}) where {any_sign}"
    )
    _prove_same(connection, target, left)
    signs = [f"case when {x} <> 0 or {x} is null then 0 {_SIGN.format(x)} end" for x in floats]
    listed = ", ".join(signs)
    found = connection.execute(f"select distinct {listed} from {_LEFT} order by all").fetchall()
    fits = [
        " and ".join(f"{s} in (0, {n})" for s, n in zip(signs, group, strict=True))
        for group in _together(found)
    ]
    chosen = " ".join(f"when {fit} then {number}" for number, fit in enumerate(fits))
    for number in range(len(fits)):
        rows = f"select * from {_LEFT} where case {chosen} end = {number}"
        count += _inserted(connection, target, rows)
    connection.execute(f"drop table {_LEFT}")
    return count


def _prove_same(connection: duckdb.DuckDBPyConnection, target: str, left: int) -> None:
    row = connection.execute(f"select count(*) from {_LEFT}").fetchone()
    if row is None or row[0] != left:
        raise BrokenContractError.not_published(
            f"{target}: {left} rows with a negative zero were left for files of their own,"
            f" {row[0] if row else 0} came when they were asked for",
            declared="what computes the rows",
            next="let the same inputs give the same rows: no random numbers, no present moment",
        )


def copied(connection: duckdb.DuckDBPyConnection, target: str, relation: str) -> int:
    """Insert all rows of a relation with columns of its own; give their number."""
    rows = f"select * from {relation}"
    schema = connection.execute(f"{rows} limit 0").to_arrow_table().schema
    return written(connection, target, rows, floating(schema))


def _together(signs: Iterable[Signs]) -> list[Signs]:
    """Which signs the zeros of each file have, so that every row fits into one of the files.

    Shapes: of each column -1 for negative zeros, 1 for zeros and 0 for neither.
    """
    groups: list[Signs] = []
    for row in sorted(signs, key=lambda row: -sum(map(abs, row))):
        for number, group in enumerate(groups):
            if all(a * b >= 0 for a, b in zip(row, group, strict=True)):
                groups[number] = tuple(a or b for a, b in zip(row, group, strict=True))
                break
        else:
            groups.append(tuple(row))
    return groups


def _floats(expression: str, kind: pa.DataType) -> Iterator[str]:
    if pa.types.is_floating(kind):
        yield expression
    elif pa.types.is_struct(kind):
        for field in kind:
            inner = f"struct_extract({expression}, {text(field.name)})"
            yield from _floats(inner, field.type)


def _next(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute(f"select nextval('{_COUNT}')").fetchone()
    assert row is not None
    return int(row[0])


def _inserted(connection: duckdb.DuckDBPyConnection, target: str, select: str) -> int:
    row = connection.execute(f"insert into {target} by name {select}").fetchone()
    return int(row[0]) if row else 0
