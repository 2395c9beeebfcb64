"""Sessions that are lent to one at a time."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from watermain.console.sessions import ReadingSessions
from watermain.settings import load_settings


@pytest.fixture
def sessions(home: Path) -> ReadingSessions:
    """Sessions with a real server."""
    dsn = str(load_settings().postgres)
    return ReadingSessions(lambda: dsn)


def _process(sessions: ReadingSessions) -> int:
    with sessions.lent() as session:
        return session.info.backend_pid


def test_session_is_lent_again(sessions: ReadingSessions) -> None:
    """One after the other asks in the same; two at once in two."""
    assert _process(sessions) == _process(sessions)
    with sessions.lent() as one, sessions.lent() as other:
        assert one.info.backend_pid != other.info.backend_pid


def test_session_that_has_died_is_not_lent(sessions: ReadingSessions) -> None:
    """A server that was started again is asked in a new one."""
    before = _process(sessions)
    with psycopg.connect(str(load_settings().postgres)) as connection:
        connection.execute("select pg_terminate_backend(%s, 5000)", [before])
    assert _process(sessions) != before


def test_session_of_a_block_that_fails_is_ended(sessions: ReadingSessions) -> None:
    """Nobody inherits what it was doing."""
    with pytest.raises(psycopg.errors.SyntaxError), sessions.lent() as session:
        session.execute("selec")
    assert session.closed
    assert _process(sessions) != 0


def test_idle_sessions_are_ended(sessions: ReadingSessions) -> None:
    """Each would be a process of the server."""
    before = _process(sessions)
    sessions.end_idle()
    assert _process(sessions) == before
    sessions.end_idle(0.0)
    assert _process(sessions) != before


def test_question_that_takes_too_long_is_stopped(sessions: ReadingSessions) -> None:
    """By the server."""
    with sessions.lent() as session:
        row = session.execute("show statement_timeout").fetchone()
    assert row == ("10s",)
