"""`watermain sql`: one question over datasets by their declared names."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import pyarrow as pa
import typer

from watermain import read
from watermain.cli import screen
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.rooms.directory import everything
from watermain.lake.branch import find
from watermain.lake.lake import Lake
from watermain.read import Reading

MOST_ROWS = 10_000


class AnswerForm(StrEnum):
    """How an answer is printed."""

    table = "table"
    csv = "csv"
    json = "json"


def sql(
    query: Annotated[str, typer.Argument(help="One select; tables are dataset names.")],
    form: Annotated[
        AnswerForm, typer.Option("--format", help="How to print the rows.")
    ] = AnswerForm.table,
    snapshot: Annotated[
        int | None, typer.Option(help="Read the lake as of this snapshot.", min=0)
    ] = None,
    branch: Annotated[str | None, typer.Option(help="Read this branch of the lake.")] = None,
    unmask: Annotated[
        str | None,
        typer.Option(help="Show what is personal or secret, for this reason; it is recorded."),
    ] = None,
) -> None:
    """Answer one select over datasets, all read from one pinned snapshot.

    watermain sql "select origin, count(*) from operations.curated.flights group by origin"
    """
    lake = _lake(branch) if branch else None
    question = read.reading(query, snapshot=snapshot, lake=lake, declared=_declared, unmask=unmask)
    with question as answer:
        count, more = PRINTERS[form](answer)
    told = f"{count:,} row{'' if count == 1 else 's'} as of snapshot {answer.snapshot}"
    if more:
        told = f"the first {told}; --format csv prints all"
    if form is AnswerForm.table:
        screen.ERR.print(told, style="dim")
    if answer.masked:
        screen.ERR.print(
            f'masked: {", ".join(answer.masked)}; --unmask "why" shows them',
            style="yellow",
            markup=False,
        )


def _lake(branch: str) -> Lake:
    lake = Lake.from_settings()
    return lake.on(find(lake, branch).name)


def _declared() -> Mapping[DatasetName, Dataset]:
    return everything()


def _print_table(answer: Reading) -> tuple[int, bool]:
    """Print the first rows for a reader; say how many and whether there are more."""
    names, rows = answer.schema.names, []
    for batch in answer.batches:
        rows += _values(batch)
        if len(rows) > MOST_ROWS:
            break
    right = {f.name for f in answer.schema if _is_number(f.type)}
    screen.grid(names, [[_shown(v) for v in row] for row in rows[:MOST_ROWS]], right=right)
    return min(len(rows), MOST_ROWS), len(rows) > MOST_ROWS


def _print_csv(answer: Reading) -> tuple[int, bool]:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.schema.names)
    count = 0
    for batch in answer.batches:
        writer.writerows([_exact(v) for v in row] for row in _values(batch))
        count += batch.num_rows
    return count, False


def _print_json(answer: Reading) -> tuple[int, bool]:
    """Print a list of objects, each portion as it comes."""
    names, count = answer.schema.names, 0
    for batch in answer.batches:
        for row in _values(batch):
            told = json.dumps(dict(zip(names, row, strict=True)), indent=2, default=str)
            sys.stdout.write(("[\n  " if not count else ",\n  ") + told.replace("\n", "\n  "))
            count += 1
    sys.stdout.write("\n]\n" if count else "[]\n")
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


PRINTERS = {
    AnswerForm.table: _print_table,
    AnswerForm.csv: _print_csv,
    AnswerForm.json: _print_json,
}
