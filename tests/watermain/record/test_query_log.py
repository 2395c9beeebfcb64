"""How long questions took, on a real PostgreSQL that is there, slow or away."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from watermain.declare.name import DatasetName
from watermain.lake.catalog import catalog_dsn
from watermain.record import query_log
from watermain.record.query_log import QueryLog, QueryRecord
from watermain.settings import load_settings

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
FEES, FLIGHTS = "billing.curated.fees", "operations.curated.flights"
SLOW = timedelta(seconds=60)
MONTH = timedelta(days=30)


@pytest.fixture
def log(home: Path) -> QueryLog:
    """A log that keeps a month, beside a catalog of its own."""
    return QueryLog(lambda: catalog_dsn(load_settings()), MONTH)


def question(day: int = 0, *datasets: str) -> QueryRecord:
    """A question that was answered."""
    at = JUNE + timedelta(days=day)
    return QueryRecord(
        at=at, who="ann", datasets=datasets or (FEES,), seconds=0.25, rows=3, shape="a1"
    )


def test_add_writes_what_was_asked(log):
    """Each comes back as it was, by the dataset that it read or all of them."""
    one, two = question(0), question(1, FEES, FLIGHTS)
    for each in (one, two):
        log.add(each)
        log.settle(SLOW)
    assert log.since(JUNE) == [one, two]
    assert log.since(JUNE, DatasetName.parse(FLIGHTS)) == [two]
    assert log.since(JUNE + timedelta(days=2)) == []


def test_add_lets_go_of_what_is_old(log):
    """What is older than the log keeps goes with the next write."""
    for day in (0, 15, 45):
        log.add(question(day))
        log.settle(SLOW)
    assert [each.at.day for each in log.since(JUNE)] == [16, 16]
    assert [each.at.month for each in log.since(JUNE)] == [6, 7]


def test_add_keeps_no_more_than_so_many(log, monkeypatch):
    """However fast somebody asks, the table is bounded."""
    monkeypatch.setattr(query_log, "_WRITE", query_log._WRITE.replace("- 1000000", "- 2"))
    for day in range(6):
        log.add(question(day))
        log.settle(SLOW)
    assert len(log.since(JUNE)) == 3  # two that stood before, and the last


def test_add_says_once_when_the_database_is_away(home, caplog: pytest.LogCaptureFixture):
    """Nobody waits, and nobody is told of it at every question."""
    away = QueryLog(lambda: "host=127.0.0.1 port=1 dbname=none user=none", MONTH)
    for day in range(3):
        away.add(question(day))
        away.settle(SLOW)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("how long questions took is not written down: conn")


def test_add_leaves_out_what_too_many_wait_before(monkeypatch, caplog: pytest.LogCaptureFixture):
    """A database that does not come back fills no memory."""
    monkeypatch.setattr(query_log, "MOST_PENDING", 2)
    stuck = QueryLog(lambda: "", MONTH)
    monkeypatch.setattr(stuck, "_run", lambda: None)
    with caplog.at_level(logging.WARNING):
        for day in range(5):
            stuck.add(question(day))
    assert len(stuck._pending) == 2
    assert caplog.messages == ["how long questions took is not written down: 2 wait"]


def test_add_does_nothing_where_nothing_is_to_be_kept(home):
    """No table is made, and no thread is started."""
    QueryLog(lambda: catalog_dsn(load_settings()), timedelta(0)).add(question())
    with psycopg.connect(catalog_dsn(load_settings())) as connection:
        row = connection.execute("select to_regclass('watermain.query')").fetchone()
    assert row == (None,)
