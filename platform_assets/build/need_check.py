"""What a reader needs of its inputs, checked on the rows that a run is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import duckdb

from platform_assets.build.rule import violation
from platform_assets.build.staged import Finding
from platform_assets.declare.check import Check, RefersTo, RowCount, UniqueKey
from platform_assets.declare.dataset import Dataset
from platform_assets.declare.name import DatasetName
from platform_assets.declare.need import Needs
from platform_assets.declare.widening import widens
from resources.lake import quote

Others = Callable[[DatasetName], str]


def need_labels(reader: Dataset) -> list[tuple[str, str]]:
    """The name of each check that a reader's needs become, with its severity."""
    return [
        (label, check.severity if check else "block")
        for alias, wanted in reader.needs.items()
        for label, check in _labelled(alias, wanted)
    ]


def audit_needs(
    connection: duckdb.DuckDBPyConnection,
    reader: Dataset,
    views: Mapping[str, str],
    keys: Sequence[str],
    others: Others,
) -> list[Finding]:
    """Check what a reader relies on over the rows of its inputs, whatever their producer says.

    Shapes: a view for each input, at the snapshot that the run reads; a finding for each need in
    each partition, for what is wrong with an input is wrong with all that is computed from it.
    Guarantees: one scan of an input for all of its guarantees but references; none without needs.
    """
    found: list[Finding] = []
    for alias, wanted in reader.needs.items():
        failing, rows = _failing(connection, wanted, views[alias], others)
        for (label, check), count in zip(_labelled(alias, wanted), failing, strict=True):
            severity = check.severity if check else "block"
            found += [
                Finding(check=label, partition=k, failing=count, rows=rows, severity=severity)
                for k in keys
            ]
    return found


def need_sql(wanted: Needs, relation: str, others: Others) -> str:
    """One query: how many rows there are, how many break each guarantee, in their order."""
    counts = [_count(check, relation, others) for check in wanted.guarantees]
    return f"select {', '.join(['count(*)', *counts])} from {relation}"


def _failing(
    connection: duckdb.DuckDBPyConnection, wanted: Needs, view: str, others: Others
) -> tuple[list[int], int]:
    lacks = list(_lacking(connection, wanted, view))
    checks = [c for c in wanted.guarantees if not {*c.columns()} & {*lacks}]
    sql = need_sql(
        Needs(dataset=wanted.dataset, columns=wanted.columns, guarantees=tuple(checks)),
        view,
        others,
    )
    rows, *counts = connection.execute(sql).fetchone() or (0,)
    counted = dict(zip((c.label for c in checks), map(int, counts), strict=True))
    # of a column that is not there every row breaks the guarantee
    each = [counted.get(c.label, max(int(rows), 1)) for c in wanted.guarantees]
    return [len(lacks), *each], int(rows)


def _lacking(connection: duckdb.DuckDBPyConnection, wanted: Needs, view: str) -> Iterator[str]:
    """The needed columns that are not there, or whose type the reader cannot take."""
    schema = connection.execute(f"select * from {view} limit 0").to_arrow_table().schema
    for name, kind in wanted.columns.items():
        place = schema.get_field_index(name)
        if place < 0 or (kind is not None and not widens(schema.field(place).type, kind)):
            yield name


def _count(check: Check, relation: str, others: Others) -> str:
    sql = violation(check)
    if sql is not None:
        return f"count(*) filter ({sql})"
    if isinstance(check, UniqueKey):
        key = ", ".join(map(quote, check.key))
        return f"count(*) - count(distinct row({key}))"
    if isinstance(check, RowCount):
        return f"(count(*) < {int(check.low)})::int"
    if isinstance(check, RefersTo):
        column, other = quote(check.column), quote(check.other)
        return (
            f"(select count(*) from {relation} where {column} is not null and {column} not in"
            f" (select {other} from {others(check.dataset)} where {other} is not null))"
        )
    raise TypeError(f"no translation for {type(check).__name__}")


def _labelled(alias: str, wanted: Needs) -> list[tuple[str, Check | None]]:
    named = [(f"needs_{alias}_{c.label}", c) for c in wanted.guarantees]
    return [(f"needs_{alias}_columns", None), *named]
