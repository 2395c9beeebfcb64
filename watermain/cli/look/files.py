"""`watermain files`: where the rows of a dataset lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import duckdb
import typer

from watermain.cli import screen
from watermain.cli.named import named
from watermain.cli.spread import spread
from watermain.declare.dataset import Dataset
from watermain.declare.errors import (
    InvalidDeclarationError,
    UnknownDatasetError,
    UnknownSnapshotError,
)
from watermain.engine.table.table import is_there
from watermain.lake.lake import Lake
from watermain.lake.rest.file_manifest import FileManifest, file_manifest
from watermain.lake.shown.disclosure import Disclosure, disclose


class UnmaskedFilesError(InvalidDeclarationError):
    """Refuse to lead to files in which what is personal or secret lies as it is."""


@dataclass(frozen=True, kw_only=True)
class FilesForm:
    """How the files are shown."""

    manifest: Annotated[
        bool, typer.Option("--manifest", help="Write a manifest beside the files.")
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False
    unmask: Annotated[
        str | None,
        typer.Option(help="Show files with personal or secret columns, for this reason."),
    ] = None


@spread
def files(
    dataset: Annotated[
        str,
        typer.Argument(help="Such as operations.curated.flights."),
    ],
    *,
    snapshot: Annotated[
        int | None, typer.Option(help="The lake as of this snapshot.", min=0)
    ] = None,
    form: FilesForm,
) -> None:
    """List the files that hold a dataset, each with the rows of it that were deleted since.

    A reader of plain Parquet that follows the list reads what `watermain sql` reads.
    """
    found = named(dataset)
    _refuse_platforms(found)
    lake = Lake.from_settings()
    with lake.get_connection() as connection:
        newest = lake.snapshot(connection)
        if not is_there(connection, found.name):
            raise _unpublished(found)
        at = newest if snapshot is None else _known(connection, snapshot, newest)
    _disclosed(lake, found, at, form.unmask)
    told = file_manifest(lake, str(found.name), at, found.contract.schema)
    if form.as_json:
        screen.facts(told.facts())
    else:
        _listed(told)
    if form.manifest:
        screen.ERR.print(f"wrote  {told.write(lake)}", markup=False)


def _listed(told: FileManifest) -> None:
    screen.grid(
        ("rows", "deleted", "bytes", "file", "deletes"),
        [
            (
                f"{each.rows:,}",
                f"{each.deletes.rows:,}" if each.deletes else "",
                f"{each.bytes:,}",
                each.path,
                each.deletes.path if each.deletes else "",
            )
            for each in told.files
        ],
        right={"rows", "deleted", "bytes"},
    )
    count = screen.count(len(told.files), "file")
    size = sum(each.bytes for each in told.files)
    screen.ERR.print(
        f"{count}, {size:,} bytes, {screen.count(told.rows, 'row')} as of snapshot {told.snapshot}",
        style="dim",
    )


def _disclosed(lake: Lake, dataset: Dataset, snapshot: int, why: str | None) -> None:
    """Let only those to files in the clear who say why, which is kept, as `watermain sql` does.

    Raises: UnmaskedFilesError.
    """
    masked = [c.name for c in dataset.contract.columns if dataset.contract.is_sensitive(c.name)]
    if why is not None:
        name = dataset.name
        said = f"watermain files {name}"
        disclose(lake, Disclosure(why, statement=said, snapshot=snapshot, datasets=[name]))
    elif masked:
        raise UnmaskedFilesError(
            f"{dataset.name} has columns that are masked, and lie in its files as they are:"
            f" {', '.join(masked)}",
            declared=dataset.declared,
            data="nothing was shown",
            next=f'watermain files {dataset.name} --unmask "why", which is recorded; or'
            f" watermain sql --parquet FILE, which masks them",
        )


def _refuse_platforms(dataset: Dataset) -> None:
    if dataset.is_platforms:
        raise InvalidDeclarationError.nothing_happened(
            f"{dataset.name} is part of the ledger, whose newest rows lie in the catalog",
            declared=dataset.declared,
            next=f'watermain sql "select * from {dataset.name}"',
        )


def _unpublished(dataset: Dataset) -> UnknownDatasetError:
    return UnknownDatasetError(
        f"nothing of {dataset.name} is published yet, so that no file holds it",
        declared=dataset.declared,
        data="nothing was read",
        next=f"watermain materialize {dataset.name} --with-upstream",
    )


def _known(connection: duckdb.DuckDBPyConnection, snapshot: int, newest: int) -> int:
    rows = connection.execute("select snapshot_id from lake.snapshots()").fetchall()
    known = {int(row[0]) for row in rows}
    if snapshot in known:
        return snapshot
    raise UnknownSnapshotError(
        f"snapshot {snapshot} is not in the lake",
        declared=f"its snapshots run from {min(known, default=0)} to {newest}",
        data="nothing was read",
        next=f"use --snapshot {newest}, or leave it out",
    )
