"""A table of the lake as people may see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import duckdb

from watermain.declare.name import DatasetName
from watermain.lake.lake import Lake, quote, table, text
from watermain.lake.shown.plain import plain_tables

MASK = "***"
Hides = Callable[[str], bool]
NOWHERE: Mapping[DatasetName, Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One table of one snapshot: its columns by type, and those that are masked.

    Shapes: `partly` has columns of text that are masked in some rows, each with the SQL condition
    of the rows in which they are not; `files` hold exactly its rows and columns; without any its
    rows are to be copied.
    """

    name: DatasetName
    snapshot: int
    columns: Mapping[str, str]
    masked: frozenset[str] = frozenset()
    partly: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    @property
    def query(self) -> str:
        """The select that gives its rows out of the lake."""
        values = ", ".join(self._value(column) for column in self.columns)
        return f"select {values} from {pinned(self.name, self.snapshot)}"

    def _value(self, column: str) -> str:
        """A column, or what stands for it: asterisks for text and null for all else."""
        name, kind = quote(column), self.columns[column]
        if column not in self.masked and column not in self.partly:
            return name
        mask = (
            f"case when {name} is not null then {text(MASK)} end" if kind == "VARCHAR" else "null"
        )
        if column not in self.masked:
            mask = f"case when {self.partly[column]} then {name} else {mask} end"
        return f"({mask})::{kind} as {name}"


def pinned(name: DatasetName, snapshot: int) -> str:
    """The lake's table as of a snapshot, as SQL names it."""
    return f"{table(name)} at (version => {snapshot})"


def shown(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    snapshot: int,
    masks: Mapping[DatasetName, Hides],
    partly: Mapping[DatasetName, Mapping[str, str]] = NOWHERE,
) -> list[Shown]:
    """Look at tables as of a snapshot, each with what says which of its columns are masked.

    Shapes: `partly` has the columns of a table that are masked in some rows, as `Shown` has them.

    Guarantees: files are named only where reading them by name gives each row and column of the
    table as the lake gives it, and nothing is masked.
    """
    found = []
    for name, hides in masks.items():
        columns = _columns(connection, pinned(name, snapshot))
        held = frozenset(filter(hides, columns))
        some = {c: where for c, where in partly.get(name, {}).items() if c in columns}
        found.append(Shown(name=name, snapshot=snapshot, columns=columns, masked=held, partly=some))
    whole = [each.name for each in found if not each.masked and not each.partly]
    plain = plain_tables(lake, whole, snapshot)
    return [_filed(connection, each) if each.name in plain else each for each in found]


def _filed(connection: duckdb.DuckDBPyConnection, shown: Shown) -> Shown:
    """The same with its files, when the first of them has its columns by name and type."""
    name = shown.name
    rows = connection.execute(
        f"select data_file from ducklake_list_files('lake', {text(name.table)},"
        f" schema => {text(name.schema)}, snapshot_version => {shown.snapshot})"
    ).fetchall()
    files = tuple(str(row[0]) for row in rows)
    if not files:
        return shown
    first = _columns(connection, f"read_parquet({text(files[0])}, hive_partitioning = false)")
    same = {n: k for n, k in first.items() if n in shown.columns} == shown.columns
    return replace(shown, files=files) if same else shown


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    rows = connection.execute(f"describe select * from {relation}").fetchall()
    return {str(name): str(kind) for name, kind, *_ in rows}
