"""The book of verdicts, kept beside the lake's catalog."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache

import psycopg

from watermain.declare.errors import InvalidDeclarationError, WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.promise.calendar import Promised, Term
from watermain.engine.promise.verdict import EVALUATOR, State, Verdict
from watermain.engine.promise.written import read, written
from watermain.failpoint import failpoint
from watermain.lake.catalog import unreachable

Pair = tuple[DatasetName, str]
Beside = Callable[[psycopg.Connection], None]
LONG_AGO = datetime(1000, 1, 1, tzinfo=UTC)
SET_BACK = f"{EVALUATOR}, after the clock was set back"
UNTOLD = "no verdict was written; those that stand are as they were"

# Nothing in the book changes once it is written: a correction is a row more, with a signature.
DDL = """
create schema if not exists watermain;
create table if not exists watermain.promise (
    id bigint generated always as identity primary key, dataset text not null,
    since timestamptz not null, words text
);
create table if not exists watermain.verdict (
    id bigint generated always as identity primary key, dataset text not null,
    partition text not null, due_at timestamptz not null,
    state text not null check (state in ('good', 'bad', 'excused', 'unknown')),
    judged_at timestamptz not null, signed_by text not null, why text not null,
    ready_at timestamptz
);
create unique index if not exists verdict_once on watermain.verdict (dataset, partition, signed_by)
    where signed_by like 'evaluator%';
create index if not exists verdict_due on watermain.verdict (dataset, due_at);
create index if not exists verdict_judged on watermain.verdict (judged_at);
create index if not exists verdict_missed on watermain.verdict (due_at)
    where state = 'bad' and ready_at is null;
create or replace view watermain.verdict_in_force as
    select distinct on (dataset, partition) * from watermain.verdict
    order by dataset, partition, id desc;
create table if not exists watermain.arrival (
    dataset text, partition text, ready_at timestamptz not null, primary key (dataset, partition)
);
create table if not exists watermain.excuse (
    dataset text, partition text, why text not null, signed_by text not null,
    declared_at timestamptz not null, primary key (dataset, partition)
);
create table if not exists watermain.evaluated (id int primary key, at timestamptz not null);
create or replace function watermain.append_only() returns trigger language plpgsql as $$
begin
    raise exception 'watermain.% only grows', tg_table_name;
end $$;
"""
GROWING = ("promise", "verdict", "arrival", "excuse")
_GROWS = """
create or replace trigger only_grows before update or delete or truncate on watermain.{}
    for each statement execute function watermain.append_only();
"""
_VERDICTS = """
select distinct on (v.dataset, v.partition) v.dataset, v.partition, v.due_at, v.state,
    v.judged_at, v.signed_by, v.why, coalesce(v.ready_at, a.ready_at)
from watermain.verdict as v
left join watermain.arrival as a on a.dataset = v.dataset and a.partition = v.partition
where v.dataset = any(%s) and v.due_at > %s and v.judged_at <= %s
order by v.dataset, v.partition, v.id desc
"""
_UNTIL = """
select name, (
    select due_at from watermain.verdict where dataset = name and judged_at <= %s
    order by due_at desc limit 1
) from unnest(%s::text[]) as name
"""
_LAST = """
select distinct on (dataset) dataset, words from watermain.promise order by dataset, id desc
"""
_APPEND = """
insert into watermain.verdict
    (dataset, partition, due_at, state, judged_at, signed_by, why, ready_at)
select * from unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::timestamptz[],
    %s::text[], %s::text[], %s::timestamptz[]) on conflict do nothing
"""
_KEPT = ("partition", "due_at", "state", "judged_at", "by", "why", "ready_at")
_ARRIVED = "insert into watermain.arrival values (%s, %s, %s) on conflict do nothing"
_EVALUATED = """
insert into watermain.evaluated values (1, %s) on conflict (id) do update set at = excluded.at
"""


class VerdictBook:
    """Keep what was promised, what was judged of it, and what came later.

    Guarantees: its tables only grow; the evaluator judges a partition once, however often it is
    killed and whoever else judges beside it.
    Raises: UnreachableSystemError, of every method.
    """

    def __init__(self, dsn: Callable[[], str]) -> None:
        self._dsn, self._laid = dsn, False

    def evaluated_at(self) -> datetime | None:
        """When the evaluator last said that it had judged all that was due."""
        with self._connected() as connection:
            row = connection.execute("select at from watermain.evaluated").fetchone()
        return row[0].astimezone(UTC) if row else None

    def terms(self) -> dict[DatasetName, list[Term]]:
        """What was ever promised of each dataset, the oldest first."""
        with self._connected() as connection:
            rows = connection.execute(
                "select dataset, since, words from watermain.promise order by id"
            ).fetchall()
        found: dict[DatasetName, list[Term]] = {}
        for name, since, words in rows:
            promised = None if words is None else _promised(words)
            known = found.setdefault(DatasetName.parse(name), [])
            # A clock that was set back gives a later promise an earlier instant.
            begin = max(since.astimezone(UTC), known[-1].since if known else LONG_AGO)
            known.append(Term(begin, promised))
        return found

    def promised(self) -> dict[DatasetName, Promised]:
        """What is promised now, as far as it was written down."""
        last = {name: terms[-1].promised for name, terms in self.terms().items()}
        return {name: promised for name, promised in last.items() if promised is not None}

    def agree(
        self, promises: Collection[Promised], ended: Iterable[DatasetName], now: datetime
    ) -> None:
        """Write down what is promised from now on, where that is news."""
        told: dict[str, str | None] = {str(name): None for name in ended}
        told |= {str(p.dataset): json.dumps(written(p), sort_keys=True) for p in promises}
        with self._connected() as connection:
            if not _news(connection, told):
                return
            connection.execute("lock table watermain.promise in share row exclusive mode")
            news = _news(connection, told)
            with connection.cursor() as cursor:
                cursor.executemany(
                    "insert into watermain.promise (dataset, since, words) values (%s, %s, %s)",
                    [(name, now, words) for name, words in news.items()],
                )

    def judged_until(
        self, names: Iterable[DatasetName], now: datetime
    ) -> dict[DatasetName, datetime]:
        """The latest due time that was judged of datasets, as far as `now` can know it."""
        wanted = {str(name): name for name in names}
        with self._connected() as connection:
            rows = connection.execute(_UNTIL, [now, list(wanted)]).fetchall()
        return {wanted[name]: at.astimezone(UTC) for name, at in rows if at is not None}

    def verdicts(
        self, names: Iterable[DatasetName], after: datetime, now: datetime
    ) -> dict[DatasetName, dict[str, Verdict]]:
        """The verdict in force of each partition that was due after an instant.

        Guarantees: of several the last one counts; what was judged in the future, by a clock that
        was set back since, counts for nothing yet.
        """
        found: dict[DatasetName, dict[str, Verdict]] = {name: {} for name in names}
        wanted = {str(name): name for name in found}
        with self._connected() as connection:
            rows = connection.execute(_VERDICTS, [list(wanted), after, now]).fetchall()
        for row in rows:
            each = _verdict(wanted[row[0]], row)
            found[each.dataset][each.partition] = each
        return found

    def spoiled(self, now: datetime) -> set[Pair]:
        """Partitions that were judged in the future, by a clock that was set back since."""
        with self._connected() as connection:
            rows = connection.execute(
                "select distinct dataset, partition from watermain.verdict"
                " where judged_at > %s and signed_by = %s",
                [now, EVALUATOR],
            ).fetchall()
        return {(DatasetName.parse(name), key) for name, key in rows}

    def missing(self, since: datetime) -> list[Verdict]:
        """Verdicts of partitions that were missed since an instant and have not come yet."""
        with self._connected() as connection:
            rows = connection.execute(
                "select dataset, partition, due_at, state, judged_at, signed_by, why, ready_at"
                " from watermain.verdict as v where state = 'bad' and due_at > %s"
                " and ready_at is null and not exists"
                " (select from watermain.arrival as a"
                "  where a.dataset = v.dataset and a.partition = v.partition)",
                [since],
            ).fetchall()
        return [_verdict(DatasetName.parse(row[0]), row) for row in rows]

    def excuses(self, names: Iterable[DatasetName]) -> dict[Pair, tuple[datetime, str]]:
        """What was excused of datasets: when that was declared, and why."""
        with self._connected() as connection:
            rows = connection.execute(
                "select dataset, partition, declared_at, why from watermain.excuse"
                " where dataset = any(%s)",
                [[str(n) for n in names]],
            ).fetchall()
        return {
            (DatasetName.parse(name), key): (at.astimezone(UTC), why) for name, key, at, why in rows
        }

    def append(
        self,
        verdicts: Sequence[Verdict],
        arrivals: Mapping[Pair, datetime],
        now: datetime,
        beside: Iterable[Beside] = (),
    ) -> None:
        """Write down what was judged, what came late, and what else has to be told of it.

        Guarantees: all of it, that of `beside` included, or nothing.
        """
        with self._connected() as connection:
            connection.execute(_APPEND, _columns(verdicts))
            with connection.cursor() as cursor:
                late = [(str(n), key, at) for (n, key), at in arrivals.items()]
                cursor.executemany(_ARRIVED, late)
            for write in beside:
                write(connection)
            connection.execute(_EVALUATED, [now])
            failpoint("promise.before_commit")
        failpoint("promise.after_commit")

    def excuse(
        self, name: DatasetName, partition: str, *, why: str, by: str, now: datetime
    ) -> None:
        """Declare before it is due that a partition will count neither way."""
        with self._connected() as connection:
            connection.execute(
                "insert into watermain.excuse values (%s, %s, %s, %s, %s) on conflict do nothing",
                [str(name), partition, why, by, now],
            )

    def correct(
        self, name: DatasetName, partition: str, state: State, *, why: str, by: str, now: datetime
    ) -> Verdict:
        """Sign another verdict about a partition that was judged; the one before stays written.

        Raises: InvalidDeclarationError, where nothing was judged, or nobody signs.
        """
        known = self.verdicts([name], LONG_AGO, now)[name].get(partition)
        if known is None or not why.strip() or by.startswith(EVALUATOR):
            raise InvalidDeclarationError.nothing_happened(
                f"{name} {partition}: there is no verdict to correct, no reason or no signature",
                declared="watermain slo correct",
                next=f"watermain slo show {name}",
            )
        corrected = Verdict(
            dataset=name,
            partition=partition,
            due_at=known.due_at,
            state=state,
            judged_at=now,
            by=by,
            why=why,
            ready_at=known.ready_at,
        )
        with self._connected() as connection:
            connection.execute(_APPEND, _columns([corrected]))
        return corrected

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        try:
            with psycopg.connect(self._dsn()) as connection:
                if not self._laid:
                    self._lay(connection)
                yield connection
        except psycopg.OperationalError as error:
            raise unreachable(error, data=UNTOLD) from error

    def _lay(self, connection: psycopg.Connection) -> None:
        """Create the tables where they are missing."""
        row = connection.execute("select to_regclass('watermain.evaluated')").fetchone()
        if row is None or row[0] is None:
            connection.execute("select pg_advisory_xact_lock(hashtext('watermain ddl'))")
            connection.execute(DDL)
            for table in GROWING:
                connection.execute(_GROWS.format(table))
        connection.commit()
        self._laid = True


def _news(connection: psycopg.Connection, told: Mapping[str, str | None]) -> dict[str, str | None]:
    """What of the promises is not what was written down last."""
    last: dict[str, str | None] = dict(connection.execute(_LAST).fetchall())
    return {name: words for name, words in told.items() if last.get(name) != words}


@lru_cache(maxsize=10_000)
def _promised(words: str) -> Promised | None:
    """What was written down; nothing where this release would not take it."""
    try:
        return read(json.loads(words))
    except (WatermainError, KeyError, TypeError, ValueError):
        return None


def _columns(verdicts: Sequence[Verdict]) -> list[list[object]]:
    """Verdicts as a list for each column: one statement writes thousands."""
    return [
        [str(v.dataset) for v in verdicts],
        *([getattr(v, name) for v in verdicts] for name in _KEPT),
    ]


def _verdict(name: DatasetName, row: Sequence[object]) -> Verdict:
    _, partition, due_at, state, judged_at, by, why, ready_at = row
    return Verdict(
        dataset=name,
        partition=str(partition),
        due_at=due_at.astimezone(UTC),  # type: ignore[attr-defined]
        state=state,  # type: ignore[arg-type]
        judged_at=judged_at.astimezone(UTC),  # type: ignore[attr-defined]
        by=str(by),
        why=str(why),
        ready_at=ready_at.astimezone(UTC) if ready_at else None,  # type: ignore[attr-defined]
    )
