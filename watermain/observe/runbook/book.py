"""What was run of runbooks: by whom, when, with which end."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import Connection

from watermain.declare.name import DatasetName
from watermain.lake.catalog import unreachable
from watermain.observe.incident.book import note_open

DDL = """
create schema if not exists watermain;
create table if not exists watermain.runbook_step (
    number bigint generated always as identity primary key,
    of bigint unique references watermain.runbook_step,
    at timestamptz not null, runbook text not null, dataset text not null,
    partition text not null, words text[] not null, by text not null,
    is_automatic boolean not null, exit_code int,
    check ((of is null) = (exit_code is null))
);
create or replace function watermain.runbook_step_stays() returns trigger language plpgsql as $$
begin
    raise exception 'what was run of a runbook is never changed';
end $$;
create or replace trigger watermain_runbook_step_stays
    before update or delete or truncate on watermain.runbook_step
    for each statement execute function watermain.runbook_step_stays();
"""
_WRITE = """
insert into watermain.runbook_step
    (of, at, runbook, dataset, partition, words, by, is_automatic, exit_code)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s) returning number
"""
_READ = """
select b.at, b.runbook, b.dataset, b.partition, b.words, b.by, b.is_automatic, e.at, e.exit_code
from watermain.runbook_step b left join watermain.runbook_step e on e.of = b.number
where b.of is null and b.dataset = any(%s) and b.at >= %s
order by b.at, b.number
"""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class RunbookCase:
    """What a runbook is run for; `partition` is empty where the dataset has none."""

    runbook: str
    dataset: DatasetName
    partition: str = ""


@dataclass(frozen=True, kw_only=True)
class StepTaken:
    """One command that was begun; without an end while it runs, or when its runner died."""

    case: RunbookCase
    words: tuple[str, ...]
    by: str
    is_automatic: bool
    at: datetime
    ended_at: datetime | None = None
    exit_code: int | None = None

    @property
    def told(self) -> str:
        """What was done, in one line of an incident's timeline."""
        line = f"runbook {self.case.runbook}: {shlex.join(self.words)}"
        if self.ended_at is None:
            return f"{line} (no end is known)"
        seconds = (self.ended_at - self.at).total_seconds()
        return f"{line} ended with {self.exit_code} after {seconds:.0f} s"


class RunbookBook:
    """Keep what was run in the catalog's PostgreSQL.

    Guarantees: a row is only ever added: one before a command is started, one when it has ended,
    and with that a line in the timeline of each open incident of the dataset.
    Raises: UnreachableSystemError.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A connection whose block is one transaction; the table is there."""
        try:
            with psycopg.connect(self._dsn) as connection:
                connection.execute("select pg_advisory_xact_lock(hashtext('watermain runbooks'))")
                connection.execute(DDL)
                yield connection
        except psycopg.OperationalError as error:
            raise unreachable(error, data="nothing was written") from error

    def begin(self, step: StepTaken, most: int | None = None) -> int | None:
        """Write down that a command is about to run; its number.

        Shapes: with `most`, None where as many were begun automatically for the same runbook and
        dataset in the day before, and nothing is written.
        """
        with self.connected() as connection:
            if most is not None and _of_day(connection, step) >= most:
                return None
            return _written(connection, step, None, step.at, None)

    def end(self, number: int, step: StepTaken) -> StepTaken:
        """Write down how it ended, in the timeline of its incident, too."""
        assert step.ended_at is not None  # who calls says when it ended
        with self.connected() as connection:
            _written(connection, step, number, step.ended_at, step.exit_code)
            note_open(connection, step.case.dataset, step.told, by=step.by, at=step.ended_at)
        return step

    def taken(self, names: Sequence[DatasetName], since: datetime = LONG_AGO) -> list[StepTaken]:
        """What was begun for datasets, oldest first."""
        with self.connected() as connection:
            rows = connection.execute(_READ, ([str(n) for n in names], since)).fetchall()
        return [
            StepTaken(
                case=RunbookCase(
                    runbook=name, dataset=DatasetName.parse(dataset), partition=partition
                ),
                words=tuple(words),
                by=by,
                is_automatic=automatic,
                at=at.astimezone(UTC),
                ended_at=None if ended is None else ended.astimezone(UTC),
                exit_code=code,
            )
            for at, name, dataset, partition, words, by, automatic, ended, code in rows
        ]


def _of_day(connection: Connection, step: StepTaken) -> int:
    row = connection.execute(
        "select count(*) from watermain.runbook_step where of is null and is_automatic"
        " and runbook = %s and dataset = %s and at > %s",
        (step.case.runbook, str(step.case.dataset), step.at - timedelta(days=1)),
    ).fetchone()
    return int(row[0]) if row else 0


def _written(
    connection: Connection, step: StepTaken, of: int | None, at: datetime, code: int | None
) -> int:
    case = step.case
    words = (of, at, case.runbook, str(case.dataset), case.partition, list(step.words), step.by)
    row = connection.execute(_WRITE, (*words, step.is_automatic, code)).fetchone()
    assert row is not None
    return int(row[0])
