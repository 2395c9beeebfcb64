"""The files that hold one dataset in one snapshot, written down for readers of plain Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from watermain import durable
from watermain.declare.errors import InvalidProjectError
from watermain.lake.lake import Lake
from watermain.lake.rest.inventory import DATA, DELETES, inventory
from watermain.lake.store import is_remote
from watermain.lake.written import ADOPTED

T = pa.types


@dataclass(frozen=True, kw_only=True)
class DeletedRows:
    """A Parquet file that names rows of a data file, by their places in it from 0, in `pos`."""

    path: str
    rows: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class LiveFile:
    """A data file of a snapshot, with what of it does not count.

    Shapes: `rows` are all in the file, those that `deletes` names among them; `constants` are
    columns that the file lacks, and have one value in all of its rows.
    """

    path: str
    rows: int
    bytes: int
    constants: Mapping[str, Any]
    deletes: DeletedRows | None = None

    @property
    def live_rows(self) -> int:
        """The rows that count."""
        return self.rows - (self.deletes.rows if self.deletes else 0)


@dataclass(frozen=True, kw_only=True)
class FileManifest:
    """All files of a dataset in a snapshot; `columns` are those of its contract."""

    dataset: str
    snapshot: int
    columns: Mapping[str, str]
    files: tuple[LiveFile, ...]

    @property
    def rows(self) -> int:
        """The rows of the dataset in the snapshot."""
        return sum(each.live_rows for each in self.files)

    def facts(self) -> dict[str, Any]:
        """The same as plain values."""
        told = {"dataset": self.dataset, "snapshot": self.snapshot, "rows": self.rows}
        columns = [{"name": n, "type": kind} for n, kind in self.columns.items()]
        return {**told, "columns": columns, "files": [asdict(each) for each in self.files]}

    def write(self, lake: Lake) -> Path:
        """Put it beside the files that it names; give its path.

        Raises: InvalidProjectError, for a lake on a store.
        """
        if is_remote(lake.folder):
            raise InvalidProjectError.nothing_happened(
                f"the lake lies at {lake.folder}, where this command writes nothing",
                declared="WATERMAIN_LAKE_PATH",
                next=f"watermain files {self.dataset} --json > files.json",
            )
        team, stage, name = self.dataset.split(".")
        # The name is none that a writer of the lake, or its sweep, takes for its own.
        path = Path(lake.folder) / f"{team}_{stage}" / name / f"_files-{self.snapshot}.json"
        durable.replace(path, json.dumps(self.facts(), indent=2) + "\n")
        return path


def file_manifest(
    lake: Lake, dataset: str, snapshot: int, columns: Iterable[pa.Field]
) -> FileManifest:
    """What the catalog lists of a dataset in a snapshot."""
    fields = {field.name: field.type for field in columns}
    listed = inventory(lake, [dataset], snapshot=snapshot)
    deletes = {
        each.number: DeletedRows(path=each.path, rows=each.rows, bytes=each.bytes)
        for each in listed
        if each.kind == DELETES
    }
    files = [
        LiveFile(
            path=each.path,
            rows=each.rows,
            bytes=each.bytes,
            constants=constants(each.path, fields),
            deletes=deletes.get(each.number),
        )
        for each in sorted(listed, key=lambda each: each.path)
        if each.kind == DATA
    ]
    return FileManifest(
        dataset=dataset,
        snapshot=snapshot,
        columns={name: str(kind) for name, kind in fields.items()},
        files=tuple(files),
    )


def constants(path: str, fields: Mapping[str, pa.DataType]) -> dict[str, Any]:
    """What the folders above an adopted file say of its rows."""
    parts = PurePosixPath(path).parts
    if ADOPTED not in parts:
        return {}
    steps = (part.partition("=") for part in parts[parts.index(ADOPTED) + 1 : -1])
    return {name: _value(unquote(told), fields.get(name)) for name, _, told in steps}


def _value(told: str, kind: pa.DataType | None) -> Any:
    """A value of a folder's name as JSON has it: numbers and truths are such, all else is text."""
    if kind is not None and (T.is_integer(kind) or T.is_floating(kind)):
        return pa.scalar(told).cast(kind).as_py()
    return told == "true" if kind is not None and T.is_boolean(kind) else told
