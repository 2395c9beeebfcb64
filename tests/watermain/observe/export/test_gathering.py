"""Figures out of a real lake with its books."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests.watermain.engine.promise.promises import FEES, Commits, june, promise
from watermain.declare.errors import UnreachableSystemError
from watermain.declare.name import DatasetName
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.evaluate import Evaluator
from watermain.engine.promise.signal import Signal
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.observe.alert.alert import Alert, Telling
from watermain.observe.alert.book import AlertBook, Posted
from watermain.observe.export.alert_reading import alert_figures
from watermain.observe.export.exposition import page
from watermain.observe.export.figures import CaptureFigures, LakeFigures
from watermain.observe.export.gathering import Gathering
from watermain.observe.export.lake_reading import EVERY, LakeReading
from watermain.observe.export.ledger_asked import Gained, gained
from watermain.observe.export.platform_reading import platform_figures
from watermain.observe.incident.book import IncidentBook
from watermain.process.platform import Services
from watermain.process.postgres import EmbeddedPostgres
from watermain.process.supervisor import Service
from watermain.process.wanted import Wanted
from watermain.settings import load_settings

NOON = datetime(2026, 6, 3, 12, tzinfo=UTC)


def publish(lake: Lake, partition: str, rows: int, at: datetime) -> None:
    """Write a publish of the fees into the ledger."""
    row = ledger.PublishRow(
        dataset=str(FEES), partition=partition, data_version="a", code_version="b",
        contract_version="1.0.0", contract_hash="c", rows_in=rows, rows_out=rows, bytes=rows * 10,
        seconds=0.1, peak_memory=1, input_snapshot=0, epoch=1, run_id="a run", published_at=at,
    )  # fmt: skip
    with lake.get_connection() as connection:
        ledger.append(connection, [row])


def capture(lake: Lake, batch: str, rows: int, reached_at: datetime | None) -> None:
    """Write a batch of the raw fees into the ledger."""
    row = ledger.BatchRow(
        stream="billing.raw.fees", shard="", from_position="", to_position=batch, batch_id=batch,
        rows=rows, quarantined=1, content_hash="h", contract_version="1", epoch=1, run_id="a run",
        committed_at=NOON, rows_in=rows + 1, watermark_at=reached_at,
    )  # fmt: skip
    with lake.get_connection() as connection:
        ledger.append(connection, [row])


def _asking(asked: list[int | None], since: int | None) -> Gained:
    """Ask the ledger, and note what was asked."""
    asked.append(since)
    return gained(since)


def test_lake_is_read_from_its_catalog_and_what_was_gained_from_its_ledger(lake: Lake) -> None:
    """The whole past at first, and then what came since; a look within five minutes asks nobody."""
    with lake.get_connection() as connection:
        connection.execute("create schema lake.billing_curated")
        connection.execute("create table lake.billing_curated.fees as from range(3000) as t(fee)")
        connection.execute("delete from lake.billing_curated.fees where fee < 1000")
    publish(lake, "2026-06-01", 5, june(2, 1))
    publish(lake, "2026-06-02", 7, june(3, 1))
    capture(lake, "1", 100, NOON - timedelta(minutes=9))
    asked: list[int | None] = []
    reading = LakeReading(lake.dsn, partial(_asking, asked))
    reading(NOON)
    (held,) = reading.lake
    assert held == LakeFigures(
        dataset=str(FEES), rows=2000, bytes=held.bytes, publishes=2, published_rows=12,
        published_bytes=120, published_at=june(3, 1),
    )  # fmt: skip
    assert (held.bytes or 0) > 1000
    capture(lake, "2", 50, None)
    publish(lake, "2026-06-01", 6, june(3, 2))
    reading(NOON + EVERY / 2)
    assert len(asked) == 1
    reading(NOON + EVERY)
    assert (reading.lake[0].publishes, reading.lake[0].published_rows) == (3, 18)
    assert reading.lake[0].published_at == june(3, 2)
    assert reading.captures == (
        CaptureFigures(
            dataset="billing.raw.fees", batches=2, rows=150, aside=2, committed_at=NOON,
            reached_at=NOON - timedelta(minutes=9),
        ),
    )  # fmt: skip
    assert [each is None for each in asked] == [True, False]
    reading(NOON + EVERY * 2)
    assert len(asked) == 2  # nothing was committed, so no process was started
    assert reading.asked_at == NOON + EVERY * 2
    first = LakeReading(lake.dsn)
    first(NOON)
    assert (first.lake, first.captures) == (reading.lake, reading.captures)


def test_lake_that_cannot_be_asked_is_asked_again(lake: Lake) -> None:
    """What was known stays; nothing that came meanwhile is lost or counted twice."""
    publish(lake, "2026-06-01", 5, june(2, 1))
    is_away = [False]

    def ask(since: int | None) -> Gained:
        if is_away[0]:
            raise UnreachableSystemError.nothing_happened("away", declared="a test", next="wait")
        return gained(since)

    reading = LakeReading(lake.dsn, ask)
    reading(NOON)
    is_away[0] = True
    publish(lake, "2026-06-02", 7, june(3, 1))
    with pytest.raises(UnreachableSystemError):
        reading(NOON + EVERY)
    assert (reading.lake[0].publishes, reading.asked_at) == (1, NOON)
    is_away[0] = False
    reading(NOON + EVERY * 2)
    assert (reading.lake[0].publishes, reading.lake[0].published_rows) == (2, 12)


def _alert(cause: str, *members: DatasetName, at: datetime, state: str = "firing") -> Alert:
    signal = Signal(
        dataset=members[0], promise="on_time", severity="page", rule="r", told="t", at=at
    )
    return Alert(
        cause_id=cause, root=members[0], severity="page", owner="team:billing", began_at=at,
        signals=(signal,), members=members, pending_since=at, state=state,  # type: ignore[arg-type]
    )  # fmt: skip


def test_dataset_has_the_cause_of_the_oldest_open_alert(lake: Lake) -> None:
    """An alert that is over is the cause of nothing; what waits is counted by notifier."""
    orders, other = DatasetName("billing", "raw", "orders"), DatasetName("a", "raw", "b")
    alerts = [
        _alert("new", FEES, orders, at=NOON),
        _alert("old", orders, at=NOON - timedelta(hours=1), state="pending"),
        _alert("over", other, at=NOON, state="resolved"),
    ]
    telling = Telling(
        id="1", kind="fired", cause_id="new", severity="page", owner="o", level=0, title="t",
        text="t", at=NOON, began_at=NOON,
    )  # fmt: skip
    book = AlertBook(lake.dsn())
    with book.connected() as connection:
        book.write(connection, alerts, [Posted(telling=telling, notifier="pager")])
    assert alert_figures(book).incidents == 0
    incidents = IncidentBook(lake.dsn())
    for number in range(2):
        incidents.open(FEES, f"late {number}", owner="o", by="ann", at=NOON)
    incidents.add(1, "closed", "mended", by="ann", at=NOON + timedelta(hours=1))
    found = alert_figures(book)
    assert found.open == {("firing", "page"): 1, ("pending", "page"): 1}
    assert found.causes == {str(FEES): "new", str(orders): "old"}
    assert found.waiting == {"pager": (1, NOON)}
    assert found.incidents == 1


def test_services_that_should_run_are_told_whether_they_do(lake: Lake, home: Path) -> None:
    """One that was wanted and never began is down; runs are counted where there are any."""
    Wanted(home).want(["web", "stream"])
    services = Services(load_settings())
    found = platform_figures(services, lake.dsn)
    assert found.services == {"web": False, "stream": False}
    assert set(found.runs.values()) == {0}
    with psycopg.connect(lake.dsn()) as connection:
        connection.execute("create table runs (status text, update_timestamp timestamp)")
        connection.execute(
            "insert into runs values ('STARTED', '2020-01-01'), ('SUCCESS', '2020-01-01'),"
            " ('SUCCESS', now() at time zone 'utc'), ('FAILURE', now() at time zone 'utc')"
        )
    found = platform_figures(services, lake.dsn)
    assert found.runs["started"] == 1
    assert found.ended == {"success": 1, "failure": 1, "canceled": 0}
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    services.supervisor.start(Service(name="web", command=command))
    try:
        assert platform_figures(services, lake.dsn).services == {"web": True, "stream": False}
    finally:
        services.supervisor.stop("web")
    assert platform_figures(services, lake.dsn).services == {"web": False, "stream": False}


def test_part_that_cannot_be_read_is_named_and_keeps_no_other_away(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its series are absent, so that nothing of before looks like now."""
    commits = Commits()
    evaluator = Evaluator(VerdictBook(lake.dsn), commits)
    evaluator.judge([promise()], june(1))
    evaluator.judge([promise()], june(2, 3))
    gathering = Gathering()
    found = gathering(june(2, 3))
    assert (len(found.promises), found.evaluated_at) == (1, june(2, 3))
    assert found.ledger_at == june(2, 3)
    assert found.unread in ((), ("platform",))  # the test's server has no database of Dagster

    def away(now: datetime) -> object:
        raise UnreachableSystemError.nothing_happened("away", declared="a test", next="wait")

    monkeypatch.setattr(gathering, "_promises", away)
    found = gathering(june(2, 3))
    assert "promises" in found.unread
    assert (found.promises, found.evaluated_at) == ((), None)
    text = page(found).decode()
    assert 'watermain_export_unread{part="promises"} 1.0' in text
    assert "watermain_evaluated_timestamp_seconds" not in text
    assert found.ledger_at == june(2, 3)


def test_table_that_is_not_there_ends_nobody(
    home: Path, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A catalog without a lake: whoever judges must not end for the sake of figures."""
    found = Gathering()(NOON)
    assert "lake" in found.unread
    assert (found.lake, found.promises, found.evaluated_at) == ((), (), None)
    assert found.alerts.incidents == 0


def test_process_that_asks_the_ledger_says_why_it_could_not(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, whatever it died of."""
    monkeypatch.setenv("WATERMAIN_POSTGRES", "host=/nowhere dbname=none")
    with pytest.raises(UnreachableSystemError, match=r"does not say what was published: \S"):
        gained(None)
