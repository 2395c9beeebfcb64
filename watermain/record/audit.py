"""Access that was refused, kept for good beside the lake's catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self
from uuid import UUID, uuid4

import orjson
import psycopg

from watermain import durable
from watermain.lake.catalog import catalog_dsn, unreachable
from watermain.record.brief import brief, laid, soon
from watermain.settings import Settings

AuditKind = Literal["query", "unmask", "mask", "key", "signature", "host"]
MOST_WAITING = 1_000
FOLDER = "audit"  # in the data folder: what waits for the database
TABLE = "watermain.audit"
DDL = """
create schema if not exists watermain;
create table if not exists watermain.audit (
    id uuid primary key, at timestamptz not null, kind text not null, who text not null,
    dataset text, count int not null check (count > 0), detail text not null
);
create index if not exists audit_at on watermain.audit (at);
create or replace function watermain.audit_stays() returns trigger language plpgsql as $$
begin
    raise exception 'what was audited is never changed';
end $$;
create or replace trigger watermain_audit_stays
    before update or delete or truncate on watermain.audit
    for each statement execute function watermain.audit_stays();
"""
_APPEND = "insert into watermain.audit values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing"


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """Access that was refused, once or many times within a minute.

    Shapes: `kind` is what was refused: a `query` that reaches for more than datasets, an `unmask`
    without a reason, rows whose `mask` nobody knows, a request without a `key` that counts, an
    event without a `signature` that does, a request for another `host`; `who` is an account of the
    system or a consumer. Nothing that was sent or asked stands in `detail`.
    """

    at: datetime
    kind: AuditKind
    who: str
    detail: str
    dataset: str | None = None
    count: int = 1
    id: UUID = field(default_factory=uuid4)


class AuditLog:
    """Keep refused access in the catalog's PostgreSQL.

    Guarantees: entries only grow, and each is kept once. While the database is away they wait in a
    folder, MOST_WAITING at most, until the next one that it takes; who is refused waits two
    seconds at most, and is refused whatever becomes of the note.
    """

    def __init__(self, dsn: Callable[[], str], folder: Path) -> None:
        self._dsn, self._folder = dsn, folder

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The log beside the catalog that the settings lead to."""
        return cls(lambda: catalog_dsn(settings), settings.home / FOLDER)

    def append(self, entries: Sequence[AuditEntry]) -> str:
        """Write entries down, with those that wait; give why they were not, empty when they are."""
        why = soon(lambda: self._write(entries))
        if not why:
            return ""
        lost = sum(not self._keep(each) for each in entries)
        told = f"the audit log does not answer ({why}); the refusal stands and is written down"
        return f"{told} nowhere" if lost else f"{told} when it does"

    def since(self, at: datetime) -> list[AuditEntry]:
        """What was refused since an instant, oldest first; what waits is taken in before.

        Raises: UnreachableSystemError.
        """
        with self._connected() as connection:
            self._take_in(connection)
            rows = connection.execute(
                "select id, at, kind, who, dataset, count, detail from watermain.audit"
                " where at >= %s order by at, id",
                [at],
            ).fetchall()
        return [
            AuditEntry(
                id=number,
                at=when.astimezone(UTC),
                kind=kind,
                who=who,
                dataset=dataset,
                count=count,
                detail=detail,
            )
            for number, when, kind, who, dataset, count, detail in rows
        ]

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        try:
            with (
                psycopg.connect(brief(self._dsn())) as connection,
                laid(connection, TABLE, DDL),
            ):
                yield connection
        except psycopg.OperationalError as error:
            raise unreachable(error, data="nothing was read or written") from error

    def _write(self, entries: Sequence[AuditEntry]) -> None:
        with self._connected() as connection:
            _append(connection, entries)
        with self._connected() as connection:
            self._take_in(connection)

    def _take_in(self, connection: psycopg.Connection) -> None:
        """Write down what waits; an entry that is taken in twice is there once."""
        waiting = sorted(self._folder.glob("*.json")) if self._folder.is_dir() else []
        if waiting:
            found = {path: entry for path in waiting if (entry := _read(path))}
            _append(connection, list(found.values()))
            connection.commit()
            for path in found:
                path.unlink(missing_ok=True)

    def _keep(self, entry: AuditEntry) -> bool:
        """Let an entry wait in the folder; tell whether there was room for it."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sum(1 for _ in self._folder.iterdir()) >= MOST_WAITING:
                return False
            durable.replace(self._folder / f"{entry.id}.json", orjson.dumps(asdict(entry)))
        except OSError:
            return False
        return True


def _append(connection: psycopg.Connection, entries: Sequence[AuditEntry]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            _APPEND, [(e.id, e.at, e.kind, e.who, e.dataset, e.count, e.detail) for e in entries]
        )


def _read(path: Path) -> AuditEntry | None:
    """An entry that waited; None of a file that somebody else took in or spoilt."""
    try:
        facts = orjson.loads(path.read_bytes())
        known = {"id": UUID(facts["id"]), "at": datetime.fromisoformat(facts["at"])}
        return AuditEntry(**{**facts, **known})
    except (OSError, KeyError, TypeError, ValueError):
        return None
