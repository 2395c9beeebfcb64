"""What consumers think of a dataset, one vote a person and month."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.lake.catalog import unreachable
from watermain.record.brief import laid

WORST, BEST = 1, 5
MOST_WORDS = 500
TABLE = "watermain.vote"
DDL = """
create schema if not exists watermain;
create table if not exists watermain.vote (
    id bigint generated always as identity primary key, at timestamptz not null,
    dataset text not null, who text not null, score int not null check (score between 1 and 5),
    why text not null
);
create index if not exists vote_at on watermain.vote (at);
create or replace function watermain.vote_stays() returns trigger language plpgsql as $$
begin
    raise exception 'a vote is never changed; a later one of the month counts in its place';
end $$;
create or replace trigger watermain_vote_stays
    before update or delete or truncate on watermain.vote
    for each statement execute function watermain.vote_stays();
"""


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What one person thinks of a dataset, from 1 for useless to 5 for all that is wanted."""

    at: datetime
    dataset: DatasetName
    who: str
    score: int
    why: str = ""

    @property
    def month(self) -> str:
        """The month of UTC that the vote counts in."""
        return self.at.astimezone(UTC).strftime("%Y-%m")


def vote_of(dataset: DatasetName, text: str, *, who: str, why: str, at: datetime) -> Vote:
    """The vote that somebody wrote.

    Raises: InvalidDeclarationError, for another score, nobody's vote or a novel.
    """
    is_score = text.isascii() and text.isdigit() and WORST <= int(text) <= BEST
    if not is_score:
        what = f"{text[:20]!r} is no score, which is one of 1, 2, 3, 4 or 5, the best"
    elif not who.strip() or not who.isprintable() or len(who) > MOST_WORDS:
        what = "a vote is somebody's, and no name is given"
    elif len(why) > MOST_WORDS or "\0" in why:
        what = f"a reason has {MOST_WORDS} characters at most, this one {len(why)}"
    else:
        return Vote(at=at, dataset=dataset, who=who.strip(), score=int(text), why=why.strip())
    raise InvalidDeclarationError.nothing_happened(
        what, declared="the command's arguments", next=f'watermain vote {dataset} 4 --why "..."'
    )


def counted(votes: Iterable[Vote]) -> list[Vote]:
    """The votes that count: of one person about a dataset in a month the one that came last.

    Shapes: `votes` come oldest first, and so do those that count.
    """
    last = {(each.who, each.dataset, each.month): each for each in votes}
    return sorted(last.values(), key=lambda each: each.at)


class VoteBook:
    """Keep votes in the catalog's PostgreSQL.

    Guarantees: votes only grow. Raises: UnreachableSystemError.
    """

    def __init__(self, dsn: Callable[[], str]) -> None:
        self._dsn = dsn

    def append(self, vote: Vote) -> None:
        """Write a vote down."""
        with self._connected() as connection:
            connection.execute(
                "insert into watermain.vote (at, dataset, who, score, why)"
                " values (%s, %s, %s, %s, %s)",
                [vote.at, str(vote.dataset), vote.who, vote.score, vote.why],
            )

    def since(self, at: datetime, dataset: DatasetName | None = None) -> list[Vote]:
        """The votes since an instant, of one dataset or of all, oldest first."""
        with self._connected() as connection:
            rows = connection.execute(
                "select at, dataset, who, score, why from watermain.vote"
                " where at >= %s and (%s::text is null or dataset = %s) order by at, id",
                [at, str(dataset) if dataset else None, str(dataset)],
            ).fetchall()
        return [
            Vote(
                at=when.astimezone(UTC),
                dataset=DatasetName.parse(name),
                who=who,
                score=score,
                why=why,
            )
            for when, name, who, score, why in rows
        ]

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        try:
            with psycopg.connect(self._dsn()) as connection, laid(connection, TABLE, DDL):
                yield connection
        except psycopg.OperationalError as error:
            raise unreachable(error, data="no vote was written") from error
