"""Incidents with their timelines, kept beside the lake's catalog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import Connection

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.lake.catalog import unreachable
from watermain.observe.alert.alert import Telling
from watermain.observe.incident.incident import EntryKind, Incident, IncidentEntry

DDL = """
create schema if not exists watermain;
create table if not exists watermain.incident (
    number bigint generated always as identity primary key, dataset text not null,
    title text not null, severity text not null, owner text not null,
    began_at timestamptz not null, cause_id text unique
);
create table if not exists watermain.incident_entry (
    number bigint generated always as identity primary key,
    incident bigint not null references watermain.incident, at timestamptz not null,
    kind text not null, by text not null, text text not null, telling text unique
);
create or replace function watermain.timeline_stays() returns trigger language plpgsql as $$
begin
    raise exception 'a line of a timeline is never changed';
end $$;
create or replace trigger watermain_timeline_stays
    before update or delete or truncate on watermain.incident_entry
    for each statement execute function watermain.timeline_stays();
"""
_ENTRY = """
insert into watermain.incident_entry (incident, at, kind, by, text, telling)
values (%s, %s, %s, %s, %s, %s) on conflict (telling) do nothing
"""
ALERTS = "alerts"
_SELECT = """
select i.number, i.dataset, i.title, i.severity, i.owner, i.began_at, coalesce(i.cause_id, ''),
    array_agg(array[e.kind, e.by, e.text] order by e.at, e.number),
    array_agg(e.at order by e.at, e.number)
from watermain.incident i join watermain.incident_entry e on e.incident = i.number
"""


class IncidentBook:
    """Keep incidents in the catalog's PostgreSQL.

    Guarantees: a line of a timeline is never changed; an alert opens one incident, however often
    it fires. Raises: UnreachableSystemError.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A connection whose block is one transaction; the tables are there."""
        try:
            with psycopg.connect(self._dsn) as connection:
                prepare(connection)
                yield connection
        except psycopg.OperationalError as error:
            raise unreachable(error, data="nothing was written") from error

    def open(
        self, dataset: DatasetName, title: str, *, owner: str, by: str, at: datetime
    ) -> Incident:
        """Open an incident by hand."""
        with self.connected() as connection:
            number = _opened(connection, (str(dataset), title, "page", owner, at, None))
            connection.execute(_ENTRY, (number, at, "opened", by, title, None))
        return self.one(number)

    def add(self, number: int, kind: EntryKind, text: str, *, by: str, at: datetime) -> Incident:
        """Add a line to the timeline of an incident.

        Raises: InvalidDeclarationError, where it does not exist, or is not open for that.
        """
        with self.connected() as connection:
            connection.execute(
                "select from watermain.incident where number = %s for update", [number]
            )
            found = _read(connection, " where i.number = %s", [number])
            _prove(found, number, kind)
            connection.execute(_ENTRY, (number, at, kind, by, text, None))
        return self.one(number)

    def one(self, number: int) -> Incident:
        """An incident by its number. Raises: InvalidDeclarationError."""
        with self.connected() as connection:
            found = _read(connection, " where i.number = %s", [number])
        if not found:
            raise _unknown(number)
        return found[0]

    def listed(self) -> list[Incident]:
        """All incidents, newest first."""
        with self.connected() as connection:
            return _read(connection, "", [])[::-1]


def prepare(connection: Connection) -> None:
    """Make the tables where they are missing."""
    connection.execute("select pg_advisory_xact_lock(hashtext('watermain incidents'))")
    connection.execute(DDL)


def follow(connection: Connection, tellings: Sequence[Telling]) -> None:
    """Write what people are told of alerts into the timelines, in the caller's transaction.

    A page opens an incident, or opens it again when it was repaired or closed; a ticket does not.
    """
    for told in tellings:
        if told.kind in ("heartbeat", "maintenance", "reminder"):
            continue
        dataset = told.cause_id.partition("@")[0]
        number = _of_cause(connection, told.cause_id)
        kind: EntryKind = "repaired" if told.kind == "fixed" else "told"
        if number is None and told.severity == "page" and told.kind in ("fired", "raised"):
            title = told.title.partition("] ")[2]
            words = (dataset, title, told.severity, told.owner, told.began_at, told.cause_id)
            number, kind = _opened(connection, words), "opened"
        elif number is not None and told.kind == "fired":
            kind = "reopened"
        if number is not None:
            words_ = (number, told.at, kind, ALERTS, f"{told.title}\n{told.text}", told.id)
            connection.execute(_ENTRY, words_)


def note_open(
    connection: Connection, dataset: DatasetName, text: str, *, by: str, at: datetime
) -> None:
    """Add a note to each open incident of a dataset, in the caller's transaction."""
    prepare(connection)
    for each in _read(connection, " where i.dataset = %s", [str(dataset)]):
        if each.is_open:
            connection.execute(_ENTRY, (each.number, at, "note", by, text, None))


def _opened(connection: Connection, words: tuple[Any, ...]) -> int:
    row = connection.execute(
        "insert into watermain.incident (dataset, title, severity, owner, began_at, cause_id)"
        " values (%s, %s, %s, %s, %s, %s) returning number",
        words,
    ).fetchone()
    assert row is not None
    return int(row[0])


def _of_cause(connection: Connection, cause_id: str) -> int | None:
    row = connection.execute(
        "select number from watermain.incident where cause_id = %s for update", [cause_id]
    ).fetchone()
    return int(row[0]) if row else None


def _read(connection: Connection, where: str, words: list[object]) -> list[Incident]:
    rows = connection.execute(
        f"{_SELECT}{where} group by i.number order by i.began_at, i.number", words
    )
    return [
        Incident(
            number=number,
            dataset=DatasetName.parse(dataset),
            title=title,
            severity=severity,
            owner=owner,
            began_at=began.astimezone(UTC),
            cause_id=cause,
            entries=tuple(
                IncidentEntry(at=at.astimezone(UTC), kind=kind, by=by, text=text)
                for (kind, by, text), at in zip(lines, instants, strict=True)
            ),
        )
        for number, dataset, title, severity, owner, began, cause, lines, instants in rows
    ]


def _prove(found: list[Incident], number: int, kind: EntryKind) -> None:
    if not found:
        raise _unknown(number)
    is_open = found[0].is_open
    if kind == "closed" and not is_open:
        raise _refused(f"incident {number} is closed already", f"watermain incident show {number}")
    if kind == "reopened" and is_open:
        raise _refused(f"incident {number} is open", f"watermain incident note {number} ...")


def _unknown(number: int) -> InvalidDeclarationError:
    return _refused(f"there is no incident {number}", "watermain incident list")


def _refused(what: str, next: str) -> InvalidDeclarationError:
    return InvalidDeclarationError.nothing_happened(
        what, declared="the command's argument", next=next
    )
