"""Alerts with what is still to be told of them, kept beside the lake's catalog."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import Connection

from watermain.declare.errors import InvalidDeclarationError
from watermain.failpoint import failpoint
from watermain.lake.catalog import unreachable
from watermain.observe.alert.alert import Alert, Telling
from watermain.observe.alert.stored import alert_facts, alert_of, telling_facts, telling_of

DDL = """
create schema if not exists watermain;
create table if not exists watermain.alert (
    cause_id text primary key, state text not null, severity text not null, root text not null,
    began_at timestamptz not null, resolved_at timestamptz, facts jsonb not null
);
create index if not exists alert_open on watermain.alert (state) where state <> 'resolved';
create table if not exists watermain.outbox (
    number bigint generated always as identity, id text, notifier text, cause_id text not null,
    facts jsonb not null, made_at timestamptz not null, state text not null default 'waiting',
    tries int not null default 0, in_doubt boolean not null default false,
    again_at timestamptz not null, sent_at timestamptz,
    why text not null default '', primary key (id, notifier)
);
create index if not exists outbox_unsent on watermain.outbox (number) where state <> 'sent';
"""
# One evaluates and one delivers at a time, whatever process they are in.
_EVALUATES = "select pg_advisory_xact_lock(hashtext('watermain alerts'))"
_WRITE = """
insert into watermain.alert (cause_id, state, severity, root, began_at, resolved_at, facts)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (cause_id) do update set
    state = excluded.state, severity = excluded.severity, root = excluded.root,
    resolved_at = excluded.resolved_at, facts = excluded.facts
"""
_POST = """
insert into watermain.outbox (id, notifier, cause_id, facts, made_at, again_at)
values (%s, %s, %s, %s, %s, %s) on conflict do nothing
"""
# What was made earlier of the same cause goes first; what is far ahead, a clock was set back.
_NEXT = """
update watermain.outbox o set state = 'sending', tries = o.tries + 1,
    in_doubt = o.in_doubt or o.state = 'sending'  -- who sent it died before it said how that went
where (o.id, o.notifier) = (
    select id, notifier from watermain.outbox w
    where w.state in ('waiting', 'sending') and w.notifier = any(%s)
        and (w.again_at <= %s or w.again_at > %s)
        and not exists (
            select from watermain.outbox e where e.notifier = w.notifier
                and e.cause_id = w.cause_id and e.number < w.number and e.state <> 'sent')
    order by w.number limit 1)
returning o.notifier, o.facts, o.tries, o.in_doubt
"""
OVERDUE = timedelta(minutes=10)
FURTHEST = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Posted:
    """One telling on its way to one notifier; `is_again` where an earlier try may have arrived."""

    telling: Telling
    notifier: str
    tries: int = 1
    why: str = ""
    is_again: bool = False


class AlertBook:
    """Keep alerts, and what is to be told, in the catalog's PostgreSQL.

    Guarantees: an alert and what is told of it are written in one transaction.
    Raises: UnreachableSystemError.
    """

    def __init__(self, dsn: str | Callable[[], str]) -> None:
        self._dsn, self._is_made = dsn, False

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A connection whose block is one transaction; the tables are there."""
        try:
            with psycopg.connect(
                self._dsn if isinstance(self._dsn, str) else self._dsn()
            ) as connection:
                if not self._is_made:
                    connection.execute(_EVALUATES)
                    connection.execute(DDL)
                    connection.commit()
                    self._is_made = True
                yield connection
        except psycopg.OperationalError as error:
            raise unreachable(error, data="nothing was written; it is tried again") from error

    def standing(self, connection: Connection, since: datetime) -> list[Alert]:
        """The alerts that are open, or were repaired after an instant; nobody else decides now."""
        connection.execute(_EVALUATES)
        rows = connection.execute(
            "select facts from watermain.alert where state <> 'resolved' or resolved_at >= %s"
            " order by began_at, cause_id",
            [since],
        )
        return [alert_of(facts) for (facts,) in rows]

    def write(
        self, connection: Connection, alerts: Iterable[Alert], posts: Iterable[Posted]
    ) -> None:
        """Keep alerts, with what is to be told, in the caller's transaction."""
        with connection.cursor() as cursor:
            cursor.executemany(_WRITE, [_row(alert) for alert in alerts])
            failpoint("alert.after_alerts_before_outbox")
            cursor.executemany(_POST, [_posted(post) for post in posts])

    def listed(self, *, everything: bool = False) -> list[Alert]:
        """The open alerts, oldest first, or all that there ever were."""
        where = "" if everything else " where state <> 'resolved'"
        with self.connected() as connection:
            rows = connection.execute(
                f"select facts from watermain.alert{where} order by began_at, cause_id"
            ).fetchall()
        return [alert_of(facts) for (facts,) in rows]

    def changed(self, cause_id: str, **words: object) -> Alert:
        """Change one open alert that a person names by the beginning of its cause.

        Raises: InvalidDeclarationError, listing those that are open.
        """
        with self.connected() as connection:
            open_ = self.standing(connection, datetime.max.replace(tzinfo=UTC))
            named = [alert for alert in open_ if alert.cause_id.startswith(cause_id)]
            if len(named) != 1:
                raise _nobody(cause_id, [alert.cause_id for alert in open_])
            after: Alert = replace(named[0], **words)  # type: ignore[arg-type]
            self.write(connection, [after], [])
        return after

    @contextmanager
    def delivering(self) -> Iterator[Connection | None]:
        """A connection that alone delivers; None while another process does."""
        with self.connected() as connection:
            connection.autocommit = True
            row = connection.execute(
                "select pg_try_advisory_lock(hashtext('watermain outbox'))"
            ).fetchone()
            yield connection if row and row[0] else None

    def taken(
        self, connection: Connection, notifiers: Sequence[str], now: datetime
    ) -> Posted | None:
        """The next telling that is due at one of some notifiers, noted as being sent."""
        words = (list(notifiers), now, now + FURTHEST)
        row = connection.execute(_NEXT, words).fetchone()
        if row is None:
            return None
        notifier, facts, tries, in_doubt = row
        told = telling_of(facts)
        return Posted(telling=told, notifier=notifier, tries=tries, is_again=in_doubt)

    def is_due(self, notifiers: Sequence[str], now: datetime) -> bool:
        """Whether something waits for one of some notifiers whose time has come."""
        with self.connected() as connection:
            row = connection.execute(
                "select exists (select from watermain.outbox where state <> 'sent'"
                " and notifier = any(%s) and (again_at <= %s or again_at > %s))",
                (list(notifiers), now, now + FURTHEST),
            ).fetchone()
        return bool(row and row[0])

    def sent(self, connection: Connection, post: Posted, now: datetime) -> None:
        """Note that it arrived."""
        connection.execute(
            "update watermain.outbox set state = 'sent', sent_at = %s, why = ''"
            " where id = %s and notifier = %s",
            (now, post.telling.id, post.notifier),
        )

    def failed(self, connection: Connection, post: Posted, why: str, again_at: datetime) -> None:
        """Note that it did not arrive, with when it is tried again."""
        connection.execute(
            "update watermain.outbox set state = 'waiting', why = %s, again_at = %s"
            " where id = %s and notifier = %s",
            (why[:500], again_at, post.telling.id, post.notifier),
        )

    def undelivered(self, now: datetime, waiting: timedelta = OVERDUE) -> list[Posted]:
        """What has not arrived although it was made so long ago, oldest first."""
        with self.connected() as connection:
            rows = connection.execute(
                "select facts, notifier, tries, why from watermain.outbox"
                " where state <> 'sent' and made_at <= %s order by number",
                [now - waiting],
            ).fetchall()
        return [
            Posted(telling=telling_of(facts), notifier=notifier, tries=tries, why=why)
            for facts, notifier, tries, why in rows
        ]


def _row(alert: Alert) -> tuple[object, ...]:
    facts = json.dumps(alert_facts(alert))
    key = (alert.cause_id, alert.state, alert.severity, str(alert.root))
    return (*key, alert.began_at, alert.resolved_at, facts)


def _posted(post: Posted) -> tuple[object, ...]:
    told = post.telling
    facts = json.dumps(telling_facts(told))
    return (told.id, post.notifier, told.cause_id, facts, told.at, told.at)


def _nobody(cause_id: str, known: list[str]) -> InvalidDeclarationError:
    right = ", ".join(known[:20])
    return InvalidDeclarationError.nothing_happened(
        f"`{cause_id}` begins the cause of no open alert, or of several",
        declared="the command's argument",
        next=f"use one of {right}" if known else "watermain alert list",
    )
