"""Books of the platform, copied into the lake as datasets of room upkeep."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg

from watermain.declare.errors import UnreachableSystemError, WatermainError
from watermain.declare.name import DatasetName
from watermain.lake.catalog import unreachable
from watermain.observe.child import SilentChildError, asked

MODULE = "watermain.observe.shown"
PATIENCE = timedelta(minutes=5)
EVERY = timedelta(minutes=5)
MOST = 10_000  # in one commit
UNTOLD = "nothing was copied; the next round does"
_TEXT, _NUMBER, _INSTANT = "string", "number", "instant"


@dataclass(frozen=True, kw_only=True)
class CopiedBook:
    """A table of PostgreSQL that only grows, and the dataset that shows it.

    Shapes: `named` are columns that the book calls otherwise. `place` is where a row stands in the
    order of writing, as a whole number, and `theirs` the same in the book; of rows written at once
    the later may be seen first, by so much as `overlap`. `newest` is a question whose answer
    changes when rows come.
    """

    dataset: str
    book: str
    columns: Mapping[str, str]
    named: Mapping[str, str] = field(default_factory=dict)
    place: str
    theirs: str
    overlap: int
    newest: str

    @property
    def kept(self) -> str:
        """The table of the lake that holds the dataset."""
        name = DatasetName.parse(self.dataset)
        return f"lake.{name.schema}.{name.table}"


VERDICTS = CopiedBook(
    dataset="upkeep.raw.verdicts",
    book="watermain.verdict",
    columns={
        **{"id": _NUMBER, "dataset": _TEXT, "partition": _TEXT, "due_at": _INSTANT},
        **{"state": _TEXT, "judged_at": _INSTANT, "signed_by": _TEXT, "why": _TEXT},
        "ready_at": _INSTANT,
    },
    place="id",
    theirs="id",
    overlap=1_000,
    newest="select max(id) from watermain.verdict",
)
# What waited in the data folder for a database that was away comes with the time at which it was.
REFUSALS = CopiedBook(
    dataset="upkeep.raw.audit",
    book="watermain.audit",
    columns={
        **{"id": _TEXT, "refused_at": _INSTANT, "kind": _TEXT, "who": _TEXT, "dataset": _TEXT},
        **{"times": _NUMBER, "detail": _TEXT},
    },
    named={"refused_at": "at", "times": "count"},
    place="epoch_us(refused_at)",
    theirs="(extract(epoch from at) * 1000000)::bigint",
    overlap=timedelta(days=7) // timedelta(microseconds=1),
    newest="select pg_stat_get_tuples_inserted('watermain.audit'::regclass)",
)
BOOKS = (VERDICTS, REFUSALS)


class BooksShown:
    """Have new rows of books copied by a process that ends, every few minutes if there are any.

    Guarantees: what was copied is told by the lake's own table, so that a copy which was lost is
    made again, and one that was made twice adds nothing.
    """

    def __init__(self, dsn: Callable[[], str]) -> None:
        self._dsn = dsn
        self._shown: list[object] = [None] * len(BOOKS)
        self._at: datetime | None = None

    def __call__(self, now: datetime) -> str:
        """Copy what is new.

        Raises: UnreachableSystemError.
        """
        if self._at is not None and timedelta(0) <= now - self._at < EVERY:
            return ""
        self._at = now
        newest = [self._newest(each) for each in BOOKS]
        if newest != self._shown:
            _copied()
            self._shown = newest
        return ""

    def _newest(self, book: CopiedBook) -> object:
        try:
            with psycopg.connect(self._dsn()) as connection:
                row = connection.execute(book.newest).fetchone()  # type: ignore[call-overload]
        except psycopg.errors.UndefinedTable:
            return None
        except psycopg.OperationalError as error:
            raise unreachable(error, data=UNTOLD) from error
        return row[0] if row else None


def _copied() -> None:
    try:
        asked(MODULE, "", PATIENCE)
    except SilentChildError as error:
        said = error.said.splitlines()
        raise UnreachableSystemError(
            f"books could not be copied: {said[0] if said else error}",
            declared=", ".join(each.dataset for each in BOOKS),
            data=UNTOLD,
            next="watermain doctor",
        ) from error


def copy(books: Sequence[CopiedBook] = BOOKS) -> int:
    """Copy the rows that the lake lacks; count them.

    Raises: LostLeaseError or UnreachableSystemError.
    """
    from watermain.lake.lake import Lake

    lake = Lake.from_settings().of_one_thread()
    return sum(_copy(lake, each) for each in books)


def _copy(lake: Any, book: CopiedBook) -> int:
    from watermain.lake import ledger

    count = 0
    with lake.fence.lease(book.dataset) as lease, lake.get_connection() as connection:
        _, schema, table = book.kept.split(".")
        if not connection.execute(
            "select 1 from duckdb_tables() where database_name = 'lake'"
            f" and schema_name = '{schema}' and table_name = '{table}'"
        ).fetchall():
            ledger.create(connection)
        while True:
            (last,) = connection.execute(f"select max({book.place}) from {book.kept}").fetchone()
            since = max(0, (last or 0) - book.overlap)
            known = connection.execute(
                f"select id from {book.kept} where {book.place} > {since}"
            ).fetchall()
            fresh = _after(lake.dsn(), book, since, {number for (number,) in known})
            if not fresh:
                return count
            with lake.transaction(connection, lease, f"copy {len(fresh)} rows of {book.book}"):
                _insert(connection, book, fresh)
            count += len(fresh)


def _after(dsn: str, book: CopiedBook, since: int, known: set[Any]) -> list[Sequence[Any]]:
    """Rows with a higher place that are not known, the lowest first."""
    cast = {_TEXT: "::text"}
    names = ", ".join(
        f"{book.named.get(name, name)}{cast.get(kind, '')}" for name, kind in book.columns.items()
    )
    words = (
        f"select {names} from {book.book} where {book.theirs} > %s"
        f" and not id{cast.get(book.columns['id'], '')} = any(%s)"
        f" order by {book.theirs}, {book.book}.id limit %s"
    )
    try:
        with psycopg.connect(dsn) as connection:
            asked_for = [since, sorted(known), MOST]
            return list(connection.execute(words, asked_for).fetchall())  # type: ignore[call-overload]
    except psycopg.errors.UndefinedTable:
        return []


def _insert(connection: Any, book: CopiedBook, rows: Sequence[Sequence[Any]]) -> None:
    import pyarrow as pa

    kinds = {_TEXT: pa.string(), _NUMBER: pa.int64(), _INSTANT: pa.timestamp("us", "UTC")}
    schema = pa.schema([(name, kinds[kind]) for name, kind in book.columns.items()])
    values = map(list, zip(*rows, strict=True))
    told = pa.table(dict(zip(book.columns, values, strict=True)), schema=schema)
    connection.register("watermain_copied", told)
    connection.execute(f"insert into {book.kept} by name select * from watermain_copied")
    connection.unregister("watermain_copied")


def main() -> None:
    """Copy once; print how many."""
    try:
        count = copy()
    except WatermainError as error:
        sys.exit(str(error))
    json.dump(count, sys.stdout)


if __name__ == "__main__":
    main()
