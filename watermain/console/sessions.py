"""Sessions with the catalog's database that can only read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from watermain.engine.promise.book import VerdictBook
from watermain.lake.catalog import unreachable

IDLE_SECONDS = 15.0
MOST_SESSIONS = 4  # at once
_STAMP = """
select (select max(id) from watermain.verdict), (select max(id) from watermain.promise),
    (select count(*) from watermain.arrival)
"""
READING = "-c default_transaction_read_only=on -c statement_timeout=10s"


class ReadingSessions:
    """Lend sessions in which the server itself refuses to write, MOST_SESSIONS at once.

    Guarantees: a session is lent to one at a time, and ends once nobody has asked for it for
    IDLE_SECONDS, for each is a process of the server; one that has died is not lent.
    """

    def __init__(self, dsn: Callable[[], str]) -> None:
        self._dsn, self._lock = dsn, threading.Lock()
        self._room = threading.Semaphore(MOST_SESSIONS)
        self._idle: list[tuple[float, psycopg.Connection]] = []

    @contextmanager
    def lent(self) -> Iterator[psycopg.Connection]:
        """A session for the block. Raises: UnreachableSystemError."""
        with self._room, self._lent() as session:
            yield session

    @contextmanager
    def _lent(self) -> Iterator[psycopg.Connection]:
        try:
            session = self._living() or self._opened()
            try:
                yield session
            except BaseException:
                session.close()
                raise
        except psycopg.OperationalError as error:
            raise unreachable(error, data="nothing is shown; nothing was changed") from error
        self._give_back(session)

    def _opened(self) -> psycopg.Connection:
        given = self._dsn()
        options = f"{conninfo_to_dict(given).get('options') or ''} {READING}".strip()
        return psycopg.connect(make_conninfo(given, options=options), autocommit=True)

    def _living(self) -> psycopg.Connection | None:
        """A session that waits and still answers."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                _, session = self._idle.pop()
            try:
                session.execute("select 1")
                return session
            except psycopg.OperationalError:
                session.close()

    def _give_back(self, session: psycopg.Connection) -> None:
        with self._lock:
            self._idle.append((time.monotonic(), session))
            is_first = len(self._idle) == 1
        if is_first:
            self._look_later()

    def _look_later(self) -> None:
        later = threading.Timer(IDLE_SECONDS, self.end_idle)
        later.daemon = True
        later.start()

    def end_idle(self, idle_for: float = IDLE_SECONDS) -> None:
        """End the sessions that nobody has asked for; look again later while others wait."""
        oldest = time.monotonic() - idle_for
        with self._lock:
            ended = [session for at, session in self._idle if at <= oldest]
            self._idle = [(at, session) for at, session in self._idle if at > oldest]
            is_waiting = bool(self._idle)
        for session in ended:
            session.close()
        if is_waiting:
            self._look_later()


class ReadVerdicts(VerdictBook):
    """The book of verdicts as it is, over sessions that are lent."""

    def __init__(self, sessions: ReadingSessions, dsn: Callable[[], str]) -> None:
        super().__init__(dsn)
        self._sessions = sessions

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        with self._sessions.lent() as session:
            yield session

    def stamp(self) -> tuple[object, ...]:
        """What changes with everything that is written down."""
        with self._connected() as session:
            return tuple(session.execute(_STAMP).fetchone() or ())
