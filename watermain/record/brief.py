"""A short way to the catalog's PostgreSQL that keeps nobody waiting."""

from __future__ import annotations

import getpass
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from watermain.declare.errors import WatermainError

PATIENCE = timedelta(seconds=2)
WITHOUT = (psycopg.Error, WatermainError, OSError)  # what a note may fail of


def brief(dsn: str, patience: timedelta = PATIENCE) -> str:
    """A libpq string whose connections end soon where the server does not answer."""
    milliseconds = patience // timedelta(milliseconds=1)
    given = conninfo_to_dict(dsn)
    limits = f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
    options = f"{given.get('options') or ''} {limits}".strip()
    return make_conninfo(dsn, options=options, connect_timeout=2, tcp_user_timeout=milliseconds)


def soon(work: Callable[[], object], patience: timedelta = PATIENCE) -> str:
    """Do some work beside the caller, who waits for so long at most; give why it is not done.

    Guarantees: a server that stopped in the middle of an answer holds nobody.
    """
    said = [f"no answer within {patience.total_seconds():g} s"]

    def run() -> None:
        try:
            work()
        except WITHOUT as error:
            said[0] = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        else:
            said[0] = ""

    thread = threading.Thread(target=run, name="watermain-record", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # an interpreter that ends starts none; the server's own limits hold
        run()
    else:
        thread.join(patience.total_seconds())
    return said[0]


@contextmanager
def laid(connection: psycopg.Connection, table: str, ddl: str) -> Iterator[psycopg.Connection]:
    """The connection, once a table is there; what lays it runs once for all who come at a time."""
    row = connection.execute("select to_regclass(%s)", [table]).fetchone()
    if row is None or row[0] is None:
        connection.execute("select pg_advisory_xact_lock(hashtext('watermain records'))")
        connection.execute(ddl)
    yield connection


def person() -> str:
    """The account of the system that asks."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"account {os.geteuid()}"
