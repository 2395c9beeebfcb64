"""What somebody names to be adopted, found by how it lies there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from watermain.declare.dataset import Dataset
from watermain.engine.adopt.kind import delta_table, iceberg_table, parquet_folder
from watermain.engine.adopt.kind.database_file import DatabaseFile
from watermain.engine.adopt.piece import TableStanding, refused
from watermain.engine.adopt.proposal import Proposal, Wishes, again, propose
from watermain.engine.adopt.rows import own_engine
from watermain.settings import load_settings

DATABASES = (".duckdb", ".ddb", ".db")
_FORMS = "a folder of Parquet, an Iceberg or Delta table, a DuckDB file, or connection/schema"


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Tables that lie at one place of this machine.

    Shapes: with a `database` they are those of a DuckDB file, else the one of a folder.
    """

    place: Path
    scratch: Path
    connection: duckdb.DuckDBPyConnection = field(repr=False)
    database: DatabaseFile | None = None

    def tables(self) -> list[str]:
        """The names of the tables, each with its schema where it has one."""
        if self.database is not None:
            return self.database.tables(self.connection)
        return [self.place.name]

    @property
    def is_watched(self) -> bool:
        """Whether files that are put there are rows of the table from then on."""
        return self.database is None and not self.is_managed

    @property
    def is_managed(self) -> bool:
        """Whether a log says which of the files are alive."""
        return _is_delta(self.place) or iceberg_table.metadata_of(self.place) is not None

    def proposal(self, table: str, wishes: Wishes) -> Proposal:
        """What is proposed for a table. Raises: UnadoptableTableError."""
        if self.database is not None:
            found, rows = self.database.standing(self.connection, table)
            made = propose(self.connection, found, wishes, rows)
            return self.database.cut(self.connection, table, made)
        return propose(self.connection, self._standing(wishes.without), wishes)

    def again(self, table: str, dataset: Dataset) -> Proposal:
        """What stands there now, held against what was declared before."""
        if self.database is None:
            return again(self.connection, self._standing(()), dataset)
        found, rows = self.database.standing(self.connection, table)
        known = set(dataset.contract.schema.names)
        wishes = Wishes(
            key=dataset.contract.key,
            event_time=dataset.contract.event_time or "",
            without=tuple(n for n in found.schema.names if n not in known),
        )
        made = propose(self.connection, found, wishes, rows)
        same = replace(made, contract=dataset.contract, cadence=dataset.cadence)
        return self.database.cut(self.connection, table, same)

    def _standing(self, without: Sequence[str]) -> TableStanding:
        if _is_delta(self.place):
            return delta_table.standing(self.place, self.scratch)
        if iceberg_table.metadata_of(self.place) is not None:
            return iceberg_table.standing(self.place, self.scratch)
        return parquet_folder.standing(self.place, without=without)


@contextmanager
def outside(source: str) -> Iterator[Elsewhere]:
    """Look at what a name leads to; what is written for the look goes with the block.

    Raises: UnadoptableTableError.
    """
    place = Path(source).expanduser()
    if not place.exists():
        raise refused(f"there is nothing at {source}", source, f"name {_FORMS}")
    scratch = load_settings().home / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch, prefix="adopt-") as folder:
        if place.is_file() and place.suffix in DATABASES:
            database = DatabaseFile(path=place.resolve())
            with database.opened() as connection:
                yield Elsewhere(
                    place=place.resolve(),
                    scratch=Path(folder),
                    connection=connection,
                    database=database,
                )
            return
        if place.is_file() and iceberg_table.metadata_of(place) is None:
            raise refused(f"{source} is one file", source, f"name {_FORMS}")
        with own_engine() as connection:
            yield Elsewhere(place=place.resolve(), scratch=Path(folder), connection=connection)


def _is_delta(place: Path) -> bool:
    return (place / delta_table.LOG).is_dir()
