"""What is written down of a question: that it was refused, else how long it took."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache

import duckdb
import pyarrow as pa

from watermain.declare.errors import UnknownDatasetError
from watermain.engine.rooms.mask import UnknownMaskError
from watermain.engine.rooms.question import RefusedQueryError, Statement
from watermain.lake.shown.disclosure import GroundlessDisclosureError
from watermain.lake.shown.wall import EngineClock
from watermain.record.audit import AuditKind
from watermain.record.brief import person
from watermain.record.broken_query import BrokenQueries, BrokenQuery
from watermain.record.query_log import QueryLog, QueryRecord
from watermain.record.tally import AuditTally, Denial
from watermain.settings import Settings, load_settings

NAMES = (duckdb.BinderException, duckdb.CatalogException)
FILES = (".csv", ".parquet", ".json", ".txt", ".gz", ".duckdb", ".db", ".env")


class Stopwatch:
    """Time a question, without what its reader does with the rows."""

    def __init__(self, clock: EngineClock) -> None:
        self._clock, self._began = clock, time.monotonic()
        self._first = self._left = 0.0
        self._rows = 0

    @contextmanager
    def timing(self, question: Statement) -> Iterator[None]:
        """Give rows in the block; write down at its end how long the answer took."""
        self._first, self._left = time.monotonic() - self._began, self._clock.left
        yield
        _queries(os.getpid(), load_settings()).add(
            QueryRecord(
                at=datetime.now(UTC),
                who=person(),
                datasets=tuple(str(name) for name in sorted(question.datasets)),
                seconds=self._first + self._left - self._clock.left,
                rows=self._rows,
                shape=question.shape,
            )
        )

    def counting(self, portions: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The portions, counted as they are taken."""
        for portion in portions:
            self._rows += portion.num_rows
            yield portion


@contextmanager
def audited(question: Statement | None = None) -> Iterator[None]:
    """Write down whoever reaches for what people may not read; the refusal stands anyway."""
    names = sorted(question.datasets) if question else []
    only = str(names[0]) if len(names) == 1 else None
    try:
        yield
    except RefusedQueryError as error:
        if error.reaches:
            _note("query", error.reaches, only)
        raise
    except UnknownMaskError as error:
        _note("mask", "nobody says which columns are personal", str(error.dataset))
        raise
    except GroundlessDisclosureError:
        _note("unmask", "no reason was given", only)
        raise
    except UnknownDatasetError:
        if question and any(map(_is_path, question.others)):
            _note("query", "a file in place of a dataset", only)
        raise


@contextmanager
def noticed(question: Statement) -> Iterator[None]:
    """Write down a question that names what is not there, as readers do whose table changed."""
    try:
        yield
    except UnknownDatasetError as error:
        _broken(question, error)
        raise
    except RefusedQueryError as error:
        if not error.reaches and isinstance(error.__cause__, NAMES):
            _broken(question, error.__cause__)
        raise


def _broken(question: Statement, error: Exception) -> None:
    if question.datasets and load_settings().query_days:
        BrokenQueries.of(load_settings()).add(
            BrokenQuery(
                at=datetime.now(UTC),
                who=person(),
                datasets=tuple(str(name) for name in sorted(question.datasets)),
                kind=type(error).__name__,
                shape=question.shape,
            )
        )


def _note(kind: AuditKind, detail: str, dataset: str | None) -> None:
    _tally(os.getpid(), load_settings()).add(Denial(kind, person(), detail, dataset))


@cache
def _tally(process: int, settings: Settings) -> AuditTally:
    """What this process counts, which one that came by fork does not."""
    return AuditTally.of(settings, soon=timedelta(0))


@cache
def _queries(process: int, settings: Settings) -> QueryLog:
    return QueryLog.of(settings)


def _is_path(name: str) -> bool:
    return "/" in name or name.lower().endswith(FILES)
