"""Nobody waits for ever for a database that hangs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import psycopg
import pytest

from watermain.declare.errors import UnreachableSystemError
from watermain.patience import answered_within
from watermain.process.probe import probe_catalog
from watermain.settings import load_settings


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process for the block, as a machine that hangs would."""
    process = psutil.Process(pid)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def test_question_without_an_answer_ends(home: object) -> None:
    """The server's process hangs in the middle of the session."""
    with psycopg.connect(load_settings().postgres or "", autocommit=True) as connection:
        pid = connection.info.backend_pid
        with answered_within(connection, 60):
            assert connection.execute("select 1").fetchone() == (1,)
        with (
            stopped(pid),
            pytest.raises(psycopg.OperationalError),
            answered_within(connection, 0.3),
        ):
            connection.execute("select 2")


def test_answer_in_time_leaves_the_connection_alone(home: object) -> None:
    """A block that is over cuts nothing afterwards."""
    with psycopg.connect(load_settings().postgres or "", autocommit=True) as connection:
        for _ in range(50):
            with answered_within(connection, 5):
                connection.execute("select 1")
        assert connection.execute("select 3").fetchone() == (3,)


def test_doctor_waits_no_longer_than_it_is_told(
    home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A catalog that takes no more connections than it can answer is away."""
    monkeypatch.setenv("WATERMAIN_REQUEST_SECONDS", "1")
    dsn = load_settings().postgres or ""
    monkeypatch.setenv("WATERMAIN_POSTGRES", dsn)
    with psycopg.connect(dsn) as holder:
        holder.execute("create schema watermain")
        holder.execute("create table watermain.heartbeat (dataset text, renewed_at timestamptz)")
        holder.commit()
        holder.execute("lock table watermain.heartbeat")
        with pytest.raises(UnreachableSystemError, match="does not answer: ") as told:
            probe_catalog(load_settings())
    assert len(str(told.value).splitlines()) == 4
