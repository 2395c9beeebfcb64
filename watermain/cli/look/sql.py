"""`watermain sql`: one question over datasets by their declared names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from watermain import read
from watermain.cli import screen
from watermain.cli.look.answer import MOST_ROWS, AnswerForm, show, write
from watermain.cli.spread import spread
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.rooms.directory import everything
from watermain.lake.branch import find
from watermain.lake.lake import Lake


@dataclass(frozen=True, kw_only=True)
class Reads:
    """What a question reads."""

    snapshot: Annotated[
        int | None, typer.Option(help="Read the lake as of this snapshot.", min=0)
    ] = None
    branch: Annotated[str | None, typer.Option(help="Read this branch of the lake.")] = None
    unmask: Annotated[
        str | None,
        typer.Option(help="Show what is personal or secret, for this reason; it is recorded."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Writes:
    """Where an answer goes, how much of it and in which form."""

    form: Annotated[
        AnswerForm | None,
        typer.Option("--format", help="How to print the rows; the ending of a file says it, too."),
    ] = None
    csv: Annotated[bool, typer.Option("--csv", help="The same as --format csv.")] = False
    parquet: Annotated[
        Path | None, typer.Option(help="Write all rows into this Parquet file.", dir_okay=False)
    ] = None
    output: Annotated[
        Path | None, typer.Option(help="Write all rows into this file.", dir_okay=False)
    ] = None
    limit: Annotated[
        int | None,
        typer.Option(min=0, help=f"At most so many rows, 0 for all; of a table {MOST_ROWS:,}."),
    ] = None

    @property
    def file(self) -> Path | None:
        """The file that is written."""
        return self.parquet or self.output

    @property
    def kind(self) -> AnswerForm:
        """The form that was asked for, in whichever way.

        Raises: typer.BadParameter, for ways that contradict each other.
        """
        asked = [self.form] if self.form else []
        asked += [AnswerForm.csv] if self.csv else []
        asked += [AnswerForm.parquet] if self.parquet else []
        if len(set(asked)) > 1 or (self.parquet and self.output):
            raise typer.BadParameter("say once where the rows go: --format, --csv or --parquet")
        if not asked and self.output:
            asked = [kind for kind in AnswerForm if self.output.suffix == f".{kind}"]
        if self.output and (not asked or asked[0] is AnswerForm.table):
            raise typer.BadParameter("a file ends in .csv, .json or .parquet, or --format says so")
        if asked == [AnswerForm.parquet] and self.file is None:
            raise typer.BadParameter("Parquet goes into a file: --parquet FILE")
        return asked[0] if asked else AnswerForm.table

    @property
    def most(self) -> int | None:
        """The rows that are printed at most; None for all."""
        if self.limit is not None:
            return self.limit or None
        return MOST_ROWS if self.kind is AnswerForm.table else None


@spread
def sql(
    query: Annotated[str, typer.Argument(help="One select; tables are dataset names.")],
    *,
    reads: Reads,
    writes: Writes,
) -> None:
    """Answer one select over datasets, all read from one pinned snapshot.

    watermain sql "select origin, count(*) from operations.curated.flights group by origin"
    """
    form, file = writes.kind, writes.file
    if file is not None and not file.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {file.absolute().parent}")
    lake = _lake(reads.branch) if reads.branch else None
    question = read.reading(
        query, snapshot=reads.snapshot, lake=lake, declared=_declared, unmask=reads.unmask
    )
    with question as answer:
        if form is AnswerForm.table:
            count, is_more = show(answer, writes.most)
        else:
            count, is_more = write(answer, form, writes.most, file)
    told = f"{screen.count(count, 'row')} as of snapshot {answer.snapshot}"
    if is_more:
        told = f"the first {told}; more were left out: --limit 0 prints all, --csv too"
    if form is AnswerForm.table or file is not None or is_more:
        screen.ERR.print(f"{file}: {told}" if file else told, style="dim", markup=False)
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
