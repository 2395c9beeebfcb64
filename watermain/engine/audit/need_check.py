"""What a reader needs of its inputs, checked on the rows that a run is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import duckdb
import pyarrow as pa

from watermain.declare.check import Check, RefersTo, RowCount, UniqueKey
from watermain.declare.column.widening import widens
from watermain.declare.contract import Contract
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.declare.need import Needs
from watermain.engine.audit.audit import some_keys
from watermain.engine.audit.rule import counted, dangling, is_of_all, violation
from watermain.engine.table.staged import NEEDS, Finding
from watermain.lake.lake import quote

Others = Callable[[DatasetName], str]
Find = Callable[[DatasetName], Dataset]


def need_labels(reader: Dataset) -> list[tuple[str, str]]:
    """The name and the severity of each check that a reader's needs become."""
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


def need_samples(
    connection: duckdb.DuckDBPyConnection,
    reader: Dataset,
    views: Mapping[str, str],
    find: Find,
    findings: Sequence[Finding],
) -> dict[str, list[str]]:
    """The columns that an input lacks, and a few keys of its rows that break each failed need.

    Guarantees: sensitive keys are masked.
    """
    failed, found = {f.check for f in findings if not f.passed}, dict[str, list[str]]()
    for alias, wanted in reader.needs.items():
        for label, check in _labelled(alias, wanted):
            if label in failed and check is None:
                found[label] = list(_lacking(connection, wanted, views[alias]))
            elif label in failed and check is not None:
                contract = find(wanted.dataset).contract
                found[label] = _keys(connection, contract, check, views[alias])
    return found


def need_of(reader: Dataset, label: str) -> tuple[Needs, Check | None] | None:
    """The need and the guarantee that a check of a reader stands for; None for other checks."""
    for alias, wanted in reader.needs.items():
        for name, check in _labelled(alias, wanted):
            if name == label:
                return wanted, check
    return None


def need_places(reader: Dataset) -> dict[str, str]:
    """Where each guarantee that a reader relies on stands in the code."""
    return {
        label: check.declared
        for alias, wanted in reader.needs.items()
        for label, check in _labelled(alias, wanted)
        if check is not None
    }


def need_sql(wanted: Needs, relation: str, others: Others) -> str:
    """One query: how many rows there are, and how many break each guarantee, in their order."""
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
    schema = _schema(connection, view)
    for name, kind in wanted.columns.items():
        place = schema.get_field_index(name)
        if place < 0 or (kind is not None and not widens(schema.field(place).type, kind)):
            yield name


def _schema(connection: duckdb.DuckDBPyConnection, view: str) -> pa.Schema:
    return connection.execute(f"select * from {view} limit 0").to_arrow_table().schema


def _keys(
    connection: duckdb.DuckDBPyConnection, contract: Contract, check: Check, view: str
) -> list[str]:
    where, there = _breaking(check, view), {*_schema(connection, view).names}
    if where is None or not {*contract.key, *check.columns()} <= there:
        return []
    return some_keys(connection, contract, view, where)


def _breaking(check: Check, view: str) -> str | None:
    """The SQL condition of an input's row that breaks a guarantee, where single rows do."""
    if isinstance(check, UniqueKey):
        key = ", ".join(map(quote, check.key))
        twice = f"select ({key}) from {view} where {counted(check)} group by {key}"
        return f"({key}) in ({twice} having count(*) > 1)"
    return violation(check)


def _count(check: Check, relation: str, others: Others) -> str:
    sql = violation(check)
    if sql is not None:
        return f"count(*) filter ({sql})"
    if isinstance(check, UniqueKey):
        key = ", ".join(map(quote, check.key))
        where = "" if is_of_all(check) else f" filter ({counted(check)})"
        return f"count(*){where} - count(distinct row({key})){where}"
    if isinstance(check, RowCount):
        return f"(count(*) < {int(check.low)})::int"
    if isinstance(check, RefersTo):
        return f"(select count(*) from {relation} where {dangling(check, others(check.dataset))})"
    raise TypeError(f"no translation for {type(check).__name__}")


def _labelled(alias: str, wanted: Needs) -> list[tuple[str, Check | None]]:
    named = [(f"{NEEDS}{alias}_{c.label}", c) for c in wanted.guarantees]
    return [(f"{NEEDS}{alias}_columns", None), *named]
