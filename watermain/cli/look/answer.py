"""An answer to a question in SQL, printed or written as its rows come."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from watermain import durable
from watermain.cli import screen
from watermain.read import Reading

MOST_ROWS = 1_000  # of a table for people


class AnswerForm(StrEnum):
    """How an answer is printed."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def show(answer: Reading, most: int | None) -> tuple[int, bool]:
    """Print the first rows as a table; give how many, and whether there are more."""
    names, rows, is_more = answer.schema.names, [], False
    for batch in answer.batches:
        rows += _values(batch)
        if most is not None and len(rows) > most:
            rows, is_more = rows[:most], True
            break
    right = {f.name for f in answer.schema if _is_number(f.type)}
    screen.grid(names, [[_shown(v) for v in row] for row in rows], right=right)
    return len(rows), is_more


def write(
    answer: Reading, form: AnswerForm, most: int | None, output: Path | None
) -> tuple[int, bool]:
    """Write the rows as they come; give how many, and whether there are more.

    Guarantees: a file stands whole or not at all; what it replaces stands until then.
    """
    if form is AnswerForm.parquet:
        assert output is not None
        with durable.beside(output) as path, pq.ParquetWriter(path, answer.schema) as file:
            return _cut(answer, most, file.write_batch)
    put = _csv if form is AnswerForm.csv else _json
    if output is None:
        return put(answer, most, sys.stdout)
    with durable.beside(output) as path, path.open("w", encoding="utf-8", newline="") as text:
        return put(answer, most, text)


def _csv(answer: Reading, most: int | None, out: TextIO) -> tuple[int, bool]:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(answer.schema.names)
    return _cut(
        answer, most, lambda b: writer.writerows([_exact(v) for v in row] for row in _values(b))
    )


def _json(answer: Reading, most: int | None, out: TextIO) -> tuple[int, bool]:
    """Write a list of objects."""
    names, opening = answer.schema.names, "[\n  "

    def put(batch: pa.RecordBatch) -> None:
        nonlocal opening
        for row in _values(batch):
            told = json.dumps(dict(zip(names, row, strict=True)), indent=2, default=str)
            out.write(opening + told.replace("\n", "\n  "))
            opening = ",\n  "

    done = _cut(answer, most, put)
    out.write("\n]\n" if done[0] else "[]\n")
    return done


def _cut(
    answer: Reading, most: int | None, put: Callable[[pa.RecordBatch], object]
) -> tuple[int, bool]:
    """Hand every portion on, of which the last is cut where that is enough."""
    count = 0
    for batch in answer.batches:
        if most is not None and count + batch.num_rows > most:
            put(batch.slice(0, most - count))
            return most, True
        put(batch)
        count += batch.num_rows
    return count, False


def _values(batch: pa.RecordBatch) -> list[tuple[Any, ...]]:
    """The rows of a portion; two columns of one name are two values."""
    return list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.2f}"
    return "" if value is None else str(value)


def _exact(value: object) -> str:
    return "" if value is None else str(value)
