"""Questions that name what is not there, asked of a real lake."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from watermain import read
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.record.brief import person
from watermain.record.broken_query import KEPT, BrokenQueries, BrokenQuery

PUBLISHES = "upkeep.raw.publishes"


@pytest.fixture
def asked(lake: Lake) -> Lake:
    """A lake with a dataset that may be asked."""
    with lake.get_connection() as connection:
        ledger.create(connection)
    return lake


def _rows(lake: Lake) -> list[tuple[object, ...]]:
    with psycopg.connect(lake.dsn()) as connection:
        there = connection.execute("select to_regclass('watermain.query_broken')").fetchone()
        if there == (None,):
            return []
        words = "select who, datasets, kind, shape from watermain.query_broken order by id"
        return connection.execute(words).fetchall()


def test_question_for_what_is_not_there_is_kept_without_its_text(asked: Lake) -> None:
    """A column that went, of whoever asks; the same question with another value is the same."""
    for value in ("'ann@example.org'", "'ben@example.org'"):
        with pytest.raises(read.RefusedQueryError):
            read.query(f"select gone from {PUBLISHES} where run_id = {value}")
    first, second = _rows(asked)
    assert first == second
    assert first[:3] == (person(), [PUBLISHES], "BinderException")
    assert "example" not in str(first)


@pytest.mark.parametrize(
    "sql",
    [
        "select gone from range(3)",  # of no dataset
        f"select cast(dataset || 'x' as int) from {PUBLISHES} where false union all select 1",
        f"copy {PUBLISHES} to '/tmp/x'",
        "selec 1",
    ],
)
def test_other_questions_are_not_kept(asked: Lake, sql: str) -> None:
    """What reads, what people may not do, what is no SQL, what names no dataset."""
    with suppress(read.RefusedQueryError):
        read.query(sql)
    assert _rows(asked) == []


def test_what_is_old_goes_with_what_is_new(asked: Lake) -> None:
    """After a month."""
    log, now = BrokenQueries(asked.dsn), datetime(2026, 6, 3, tzinfo=UTC)
    one = BrokenQuery(at=now, who="ann", datasets=(PUBLISHES,), kind="BinderException", shape="a")
    later = BrokenQuery(
        at=now + KEPT + timedelta(days=1),
        who="ben",
        datasets=(PUBLISHES,),
        kind="BinderException",
        shape="b",
    )
    assert (log.add(one), log.add(later)) == ("", "")
    assert [row[0] for row in _rows(asked)] == ["ben"]


def test_database_that_is_away_keeps_nobody() -> None:
    """It is told why nothing was written."""
    away = BrokenQueries(lambda: "host=127.0.0.1 port=1 dbname=none user=none")
    now = datetime(2026, 6, 3, tzinfo=UTC)
    told = away.add(BrokenQuery(at=now, who="ann", datasets=(), kind="a", shape="a"))
    assert "refused" in told
