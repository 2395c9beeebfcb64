"""Questions that the lake no longer answers, kept for a while without their text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import psycopg

from watermain.lake.catalog import catalog_dsn, unreachable
from watermain.record.brief import brief, laid, soon
from watermain.settings import Settings

TABLE = "watermain.query_broken"
KEPT = timedelta(days=30)
DDL = """
create schema if not exists watermain;
create table if not exists watermain.query_broken (
    id bigint generated always as identity primary key, at timestamptz not null,
    who text not null, datasets text[] not null, kind text not null, shape text not null
);
create index if not exists query_broken_at on watermain.query_broken (at);
"""
_WRITE = """
with old as (delete from watermain.query_broken where at < %s)
insert into watermain.query_broken (at, who, datasets, kind, shape) values (%s, %s, %s, %s, %s)
"""
# Who was never answered made a slip; who was, and is not any more, lost what they relied on.
_LOST = """
with failed as (
    select shape, min(at) as since, max(at) as latest, count(*) as times, array_agg(distinct who)
        as readers, (array_agg(kind order by at desc))[1] as kind,
        (array_agg(to_jsonb(datasets) order by at desc))[1] as datasets
    from watermain.query_broken where at > %s group by shape
),
answered as (
    select shape, min(at) as since, max(at) as latest from watermain.query
    where shape in (select shape from failed) group by shape
)
select failed.since, times, readers, kind, datasets
from failed join answered using (shape)
where answered.since < failed.since and answered.latest < failed.latest
order by failed.since, shape
"""


@dataclass(frozen=True, kw_only=True)
class BrokenQuery:
    """One question that names what is not there: who asked, of what, and a print of it."""

    at: datetime
    who: str
    datasets: tuple[str, ...]
    kind: str
    shape: str


@dataclass(frozen=True, kw_only=True)
class LostAnswer:
    """A question that used to be answered and is not any more."""

    since: datetime
    times: int
    readers: tuple[str, ...]
    kind: str
    datasets: tuple[str, ...]


class BrokenQueries:
    """Keep the questions of a month that named what is not there.

    Guarantees: neither a text nor a value of a question is kept; who asks waits two seconds at
    most, and meets the same error whatever becomes of the note.
    """

    def __init__(self, dsn: Callable[[], str]) -> None:
        self._dsn = dsn

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those beside the catalog that the settings lead to."""
        return cls(lambda: catalog_dsn(settings))

    def add(self, each: BrokenQuery) -> str:
        """Write one down; give why it was not, empty when it is."""
        return soon(lambda: self._write(each))

    def lost(self, since: datetime) -> list[LostAnswer]:
        """What failed since an instant, was answered before, and was not answered after it.

        Raises: UnreachableSystemError.
        """
        try:
            with psycopg.connect(self._dsn()) as connection:
                rows = connection.execute(_LOST, [since]).fetchall()
        except psycopg.errors.UndefinedTable:
            return []
        except psycopg.OperationalError as error:
            raise unreachable(error, data="nothing was read") from error
        return [
            LostAnswer(
                since=at.astimezone(UTC),
                times=times,
                readers=tuple(readers),
                kind=kind,
                datasets=tuple(datasets),
            )
            for at, times, readers, kind, datasets in rows
        ]

    def _write(self, each: BrokenQuery) -> None:
        words = [each.at - KEPT, each.at, each.who, list(each.datasets), each.kind, each.shape]
        with psycopg.connect(brief(self._dsn())) as connection, laid(connection, TABLE, DDL):
            connection.execute(_WRITE, words)
