"""`watermain sql`: one question over datasets by their declared names."""

from __future__ import annotations

import csv
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from platform_assets.declare.dataset import Dataset
    from platform_assets.declare.name import DatasetName
    from resources.lake import Lake


class Form(StrEnum):
    """How an answer is printed."""

    table = "table"
    csv = "csv"
    json = "json"


def sql(
    query: Annotated[str, typer.Argument(help="One select; tables are dataset names.")],
    form: Annotated[Form, typer.Option("--format", help="How to print the rows.")] = Form.table,
    snapshot: Annotated[
        int | None, typer.Option(help="Read the lake as of this snapshot.", min=0)
    ] = None,
    branch: Annotated[str | None, typer.Option(help="Read this branch of the lake.")] = None,
) -> None:
    """Answer one select over datasets, all read from one pinned snapshot.

    watermain sql "select origin, count(*) from operations.curated.flights group by origin"
    """
    from platform_assets import read
    from platform_assets.cli import screen

    lake = _lake(branch) if branch else None
    answer = read.query(query, snapshot=snapshot, lake=lake, declared=_declared)
    if form is Form.csv:
        _print_csv(answer.rows)
    elif form is Form.json:
        screen.facts(answer.rows.to_pylist())
    else:
        columns, rows = answer.rows.schema, answer.rows.to_pylist()
        right = {f.name for f in columns if _is_number(f.type)}
        cells = [[_shown(row[n]) for n in columns.names] for row in rows]
        screen.grid(columns.names, cells, right=right)
        count = f"{len(rows):,} row{'' if len(rows) == 1 else 's'}"
        screen.ERR.print(f"{count} as of snapshot {answer.snapshot}", style="dim")


def _lake(branch: str) -> Lake:
    from resources.branch import find
    from resources.lake import Lake

    lake = Lake.from_settings()
    return lake.on(find(lake, branch).name)


def _declared() -> Mapping[DatasetName, Dataset]:
    from platform_assets.location import everything

    return everything()


def _print_csv(rows: pa.Table) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(rows.schema.names)
    for row in rows.to_pylist():
        writer.writerow(_exact(v) for v in row.values())


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.2f}"
    return "" if value is None else str(value)


def _exact(value: object) -> str:
    return "" if value is None else str(value)
