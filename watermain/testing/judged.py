"""Rows judged by the checks of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from watermain.clock import Clock
from watermain.declare.check import Check, Steady
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.audit.audit import audit
from watermain.engine.audit.rule import broken
from watermain.engine.table.row_span import span_of_rows
from watermain.engine.table.staged import Staged
from watermain.lake.lake import quote
from watermain.testing.called import engine, keep, ordered
from watermain.testing.captured_columns import as_stored
from watermain.testing.declared_input import declaration
from watermain.testing.given_rows import (
    NOTHING,
    Given,
    GivenRowsError,
    TypedRows,
    as_table,
    guessed,
)
from watermain.testing.moved_clock import BEGINNING, MovedClock

JUDGED, GIVEN = "watermain_judged", "watermain_given"


def failing(
    dataset: Dataset,
    rows: Given,
    *known: Dataset,
    beside: Mapping[str, Given] | None = None,
    clock: Clock | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Run the checks of a dataset over rows, and give the rows that fail, by the check's label.

    Shapes: the checks are those declared and those that the contract implies; where nothing fails,
    the dict is empty. A check of a whole partition, such as `row_count`, names no row. `beside`
    holds rows of the datasets that checks refer to, by name; `clock` tells what is fresh;
    without one the year 2013 begins. `steady` compares with what was published and is judged in a
    lake alone.
    Raises: GivenRowsError, for a column or a value that the contract does not know, or for a
    dataset that a check refers to and nothing was given of.
    """
    table = as_table(rows, dataset.contract.schema, of=str(dataset.name), declared=dataset.declared)
    checks = [c for c in dataset.all_checks if not isinstance(c, Steady)]
    with engine() as connection:
        connection.register(GIVEN, table)
        keep(connection, dataset, f"from {GIVEN}", JUDGED)
        others = _others(connection, dataset, known, beside or {})
        now = (clock or MovedClock()).now()
        staged = Staged(
            dataset=dataset, relation=JUDGED, where="true", span=None, others=others, now=now
        )
        found = _failed(connection, staged, [c for c in checks if c.speaks_of_rows])
        told: dict[str, list[dict[str, Any]]] = {}
        for check in found:
            where = broken(staged, check)
            told[check.label] = list(
                TypedRows(ordered(connection, dataset.contract, JUDGED, where))
            )
        whole = [c for c in checks if not c.speaks_of_rows]
        return told | {c.label: [] for c in _failed(connection, _cut(connection, staged), whole)}


def _failed(
    connection: duckdb.DuckDBPyConnection, staged: Staged, checks: Sequence[Check]
) -> list[Check]:
    keys = None if staged.span else [""]
    _, findings = audit(connection, staged, keys, checks)
    labels = {f.check for f in findings if not f.passed}
    return [c for c in checks if c.label in labels]


def _cut(connection: duckdb.DuckDBPyConnection, staged: Staged) -> Staged:
    """The same rows, partition by partition where the dataset has any."""
    span = span_of_rows(connection, staged.dataset, staged.relation, staged.where)
    if span is None:
        return staged
    return replace(staged, span=span, where=span.filter(staged.dataset.contract))


def _others(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    known: Sequence[Dataset],
    beside: Mapping[str, Given],
) -> Callable[[DatasetName], str]:
    """Where the rows lie that checks refer to."""
    given = {DatasetName.parse(name): rows for name, rows in beside.items()}
    read = {n: c.label for c in dataset.all_checks for n in c.reads() if n != dataset.name}
    for name, label in read.items():
        if name not in given:
            raise GivenRowsError(
                f"{dataset.name}: its check `{label}` reads {name}, of which no rows were given",
                declared=dataset.declared,
                data=NOTHING,
                next=f'add beside={{"{name}": [...]}}',
            )
    for name in given.keys() - read.keys():
        raise GivenRowsError(
            f"{dataset.name}: none of its checks reads {name}",
            declared=dataset.declared,
            data=NOTHING,
            next="leave its rows out",
        )
    for name, rows in given.items():
        other = declaration(name, known)
        if other is not None:
            connection.register(str(name), as_stored(rows, other, BEGINNING))
        else:
            of = f"{name}, beside {dataset.name}"
            connection.register(str(name), guessed(rows, of=of, declared=dataset.declared))
    return lambda name: JUDGED if name == dataset.name else quote(str(name))
