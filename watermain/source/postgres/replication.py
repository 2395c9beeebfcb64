"""A replication connection to PostgreSQL that confirms nothing on its own."""

from __future__ import annotations

import re
import select
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from watermain.credential import Address
from watermain.declare.errors import SourceError, UnreachableSystemError, WatermainError

_GOOD = (
    pq.ExecStatus.TUPLES_OK,
    pq.ExecStatus.COMMAND_OK,
    pq.ExecStatus.COPY_OUT,
    pq.ExecStatus.COPY_BOTH,
)
_SETTINGS = {
    "datestyle": "ISO",
    "timezone": "UTC",
    "intervalstyle": "postgres",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "row_security": "off",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": "30s",
    "wal_sender_timeout": "10min",
}
_BUSY = "55006"
_REFUSED = re.compile(r"authentication failed|no password supplied|is not permitted to log in")
_PASSING = ("08", "53", "57", "40", "55P03", _BUSY)
_DATA, _KEEPALIVE = b"wk"
_REPLY_WANTED = 17
_STATUS = struct.Struct(">cQQQqB")
_POSITION = struct.Struct(">Q")
_HEADER = 25
PATIENCE_SECONDS = 10.0

Dsn = Callable[[], str]
Connection = psycopg.Connection[tuple[Any, ...]]


def lsn_text(lsn: int) -> str:
    """Write a WAL position as PostgreSQL does."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def lsn_number(text: str) -> int:
    """Read a WAL position as PostgreSQL writes it."""
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def failure(state: str | None, message: str, *, declared: str, name: str) -> WatermainError:
    """Turn a server's complaint into an error that passes or one that somebody must mend."""
    first = message.strip().splitlines()[0] if message.strip() else "the connection ended"
    passing = state is None or state.startswith(_PASSING)
    kind: type[WatermainError] = UnreachableSystemError if passing else SourceError
    return kind(
        f"{name}: PostgreSQL answered: {first}",
        declared=declared,
        data="nothing was confirmed to the source; the ledger's position stands",
        next="watermain doctor" if passing else "mend what PostgreSQL names, then run again",
    )


def conninfo(dsn: Dsn, *, replication: bool, declared: str) -> str:
    """Resolve the connection string now, and fix how the server writes values as text.

    Raises: SourceError without the string, which may hold a secret.
    """
    try:
        parts = conninfo_to_dict(dsn())
    except psycopg.ProgrammingError:
        raise SourceError(
            "the connection string of the source cannot be parsed",
            declared=declared,
            data="nothing was read",
            next="write it as `postgresql://user@host/database` or `host=... dbname=...`",
        ) from None
    own = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    parts["options"] = f"{parts.get('options') or ''} {own}".strip()
    parts["client_encoding"] = "UTF8"
    parts.setdefault("connect_timeout", "10")
    parts.setdefault("application_name", "watermain")
    if replication:
        parts["replication"] = "database"
    return make_conninfo(**{name: str(value) for name, value in parts.items() if value})


def connected(dsn: Dsn, *, declared: str, replication: bool = False) -> Connection:
    """Open a connection whose text output is exact. Raises: UnreachableSystemError."""
    address = dsn()
    info = conninfo(lambda: address, replication=replication, declared=declared)
    try:
        connection = psycopg.connect(info, autocommit=True)
    except psycopg.OperationalError as error:
        if isinstance(dsn, Address) and _REFUSED.search(str(error)):
            raise dsn.refused(address, "PostgreSQL does not let us in") from None
        raise failure(None, str(error), declared=declared, name="connect") from None
    if isinstance(dsn, Address):
        dsn.accepted()
    return connection


class Replication:
    """Speak the replication protocol over one connection.

    Guarantees: only `confirm` moves the slot, and a read waits in `poll`, so that signals arrive.
    """

    def __init__(self, dsn: Dsn, *, name: str, declared: str) -> None:
        self.name, self.declared = name, declared
        self.slot: str | None = None
        self._confirmed = 0
        self._connection = connected(dsn, declared=declared, replication=True)
        self._pg = self._connection.pgconn
        self._pg.nonblocking = 0
        self._arrival = select.poll()
        self._arrival.register(self._pg.socket, select.POLLIN)

    def ask(self, command: str, *, patience: float = 0.0) -> list[tuple[str | None, ...]]:
        """Run one command; give its rows as text; wait `patience` seconds for a busy slot."""
        result = self._execute(command, patience)
        return [
            tuple(
                None if (value := result.get_value(row, column)) is None else value.decode()
                for column in range(result.nfields)
            )
            for row in range(result.ntuples)
        ]

    def copied(self, command: str) -> Iterator[memoryview]:
        """Run a `copy ... to stdout`; give one row at a time as the server sends them."""
        self._execute(command)
        while (message := self._received(None)) is not None:
            yield message
        self._ended()

    def start(self, slot: str, position: int, publication: str) -> None:
        """Stream the slot from `position`; the ledger holds that, so it is confirmed at once."""
        names = sql.Literal('"' + publication.replace('"', '""') + '"').as_string(None)
        self._execute(
            f"START_REPLICATION SLOT {slot} LOGICAL {lsn_text(position)} "
            f"(proto_version '1', publication_names {names})",
            PATIENCE_SECONDS,
        )
        self.slot = slot
        self.confirm(position)

    def read(self, timeout: float) -> tuple[memoryview | None, int]:
        """Give the next change message, or else how far the server has sent everything.

        Shapes: (message, 0), or (None, position), or (None, 0) when nothing came in time.
        """
        message = self._received(timeout)
        if message is None:
            self._ended()
            raise failure(None, "the stream ended", declared=self.declared, name=self.name)
        if not message:
            return None, 0
        if message[0] == _DATA:
            return message[_HEADER:], 0
        if message[0] == _KEEPALIVE and message[_REPLY_WANTED]:
            self._report(False)
        return None, _POSITION.unpack_from(message, 1)[0]

    def poke(self) -> None:
        """Ask the server how far it has sent everything."""
        self._report(True)

    def confirm(self, position: int) -> None:
        """Tell the server that everything before `position` is durable here."""
        self._confirmed = max(self._confirmed, position)
        self._report(False)

    def close(self) -> None:
        """End the stream so that the last confirmation arrives, then hang up."""
        if self.slot is not None and self._pg.status == pq.ConnStatus.OK:
            self.slot = None
            self._farewell(time.monotonic() + 1.0)
        self._connection.close()

    def _farewell(self, deadline: float) -> None:
        """Say goodbye; the server answers once it has let go of the slot."""
        try:
            self._pg.put_copy_end()
            self._pg.flush()
            while self._received(0.1) is not None:
                if time.monotonic() > deadline:
                    return
            self._ended()
        except (psycopg.OperationalError, WatermainError):
            return

    def _execute(self, command: str, patience: float = 0.0) -> pq.abc.PGresult:
        deadline = time.monotonic() + patience
        while True:
            result = self._pg.exec_(command.encode())
            if result.status in _GOOD:
                return result
            if _state(result) != _BUSY or time.monotonic() > deadline:
                raise self._failure(result)
            time.sleep(0.05)

    def _received(self, timeout: float | None) -> memoryview | None:
        """Give one message, an empty one when time is up, or None at the end."""
        while True:
            size, data = self._pg.get_copy_data(1)
            if size > 0:
                return data
            if size < 0:
                return None
            if not self._arrival.poll(None if timeout is None else timeout * 1000):
                return memoryview(b"")
            with self._mapped():
                self._pg.consume_input()

    def _ended(self) -> None:
        while (result := self._pg.get_result()) is not None:
            if result.status not in _GOOD:
                raise self._failure(result)

    def _report(self, reply: bool) -> None:
        at = self._confirmed
        with self._mapped():
            self._pg.put_copy_data(_STATUS.pack(b"r", at, at, at, 0, reply))
            self._pg.flush()

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except psycopg.OperationalError as error:
            raise failure(None, str(error), declared=self.declared, name=self.name) from None

    def _failure(self, result: pq.abc.PGresult) -> WatermainError:
        text = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b""
        return failure(
            _state(result),
            text.decode("utf-8", "replace"),
            declared=self.declared,
            name=self.name,
        )


def _state(result: pq.abc.PGresult) -> str | None:
    state = result.error_field(pq.DiagnosticField.SQLSTATE)
    return state.decode() if state else None
