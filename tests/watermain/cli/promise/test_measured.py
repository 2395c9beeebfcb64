"""Every indicator of one dataset, out of a real book with a real ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from tests.watermain.engine.promise.promises import Commits
from tests.watermain.observe.watch.ledger.test_look import BATCH, PUBLISH
from watermain.cli.promise.measured import MeasuredIndicator, Measuring
from watermain.declare import AtMost, Daily, Dataset, DatasetName, Slo
from watermain.engine.capture.waiting import note
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.evaluate import Evaluator
from watermain.engine.publish.attempt import Attempt, Attempts
from watermain.engine.rooms.directory import everything
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.record.audit import FOLDER, AuditEntry, AuditLog
from watermain.record.query_log import QueryLog, QueryRecord
from watermain.record.vote import Vote, VoteBook

FLIGHTS = DatasetName("operations", "curated", "flights")
CAPTURED = DatasetName("operations", "raw", "flights")
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
NOW = TODAY + timedelta(hours=12)
DAY = timedelta(days=1)
SLO = Slo(ready_within=timedelta(hours=2), objective=AtMost(2, of=28))
PROMISE = Promised(dataset=FLIGHTS, slo=SLO, cadence=Daily(), owner="team:operations")


def _key(ago: int) -> str:
    return f"{TODAY - ago * DAY:%F}"


@pytest.fixture
def found() -> dict[DatasetName, Dataset]:
    """What the rooms of this project declare."""
    return dict(everything())


def _measured(
    lake: Lake, found: dict[DatasetName, Dataset], name: DatasetName, promised: Promised | None
) -> dict[str, MeasuredIndicator]:
    measuring = Measuring(
        dataset=found[name],
        everything=[*found.values()],
        promised=promised,
        book=VerdictBook(lake.dsn),
        lake=lake,
        now=NOW,
    )
    return {each.indicator.name: each for each in measuring.all()}


def test_nothing_is_told_where_nothing_was_measured(
    lake: Lake, found: dict[DatasetName, Dataset]
) -> None:
    """But for what declarations say by themselves."""
    said = _measured(lake, found, FLIGHTS, None)
    assert len(said) == 16
    told = {n: each.value for n, each in said.items() if each.value is not None}
    assert told == {"lineage_coverage": 1.0, "audit_failures": 0}


def test_who_asked_and_who_was_refused_is_counted(
    lake: Lake, found: dict[DatasetName, Dataset], home: Path
) -> None:
    """Questions, votes and refusals of the dataset alone."""
    asked = QueryRecord(
        at=NOW - DAY / 2, who="ann", datasets=(str(FLIGHTS),), seconds=0.5, rows=3, shape="a"
    )
    log = QueryLog(lake.dsn, 28 * DAY)
    for seconds in (0.1, 0.2, 4.0):
        log.add(replace(asked, seconds=seconds))
    log.add(replace(asked, datasets=(str(CAPTURED),), seconds=60.0))
    log.settle()
    for who, score in (("ann", 5), ("bob", 3), ("cy", 1)):
        VoteBook(lake.dsn).append(Vote(at=NOW - DAY, dataset=FLIGHTS, who=who, score=score, why=""))
    refused = AuditEntry(
        at=NOW - DAY, kind="unmask", who="ann", detail="", dataset=str(FLIGHTS), count=2
    )
    assert (
        AuditLog(lake.dsn, home / FOLDER).append(
            [refused, replace(refused, dataset=None, id=uuid4())]
        )
        == ""
    )
    said = _measured(lake, found, FLIGHTS, None)
    assert (said["query_latency"].value, said["query_latency"].told) == (
        4.0,
        "half within 0.20 s, of 3 questions",
    )
    assert said["votes"].told == "3.0 of 5 by 3 people; whoever voted chose to"
    assert said["audit_failures"].told == "2 refusals in 28 days"


def test_computed_dataset_is_measured_from_book_and_ledger(
    lake: Lake, found: dict[DatasetName, Dataset]
) -> None:
    """Ten days of which one is missing and one came late; known answers."""
    commits, book = Commits(), VerdictBook(lake.dsn)
    for ago in range(1, 11):
        if ago != 5:
            late = timedelta(hours=5 if ago == 3 else 1)
            commits.publish(_key(ago), TODAY - (ago - 1) * DAY + late, FLIGHTS)
    evaluator = Evaluator(book, commits)
    evaluator.judge([PROMISE], TODAY - 10 * DAY + timedelta(hours=12))
    for hours in range(-200, 13):
        evaluator.judge([PROMISE], TODAY + timedelta(hours=hours))
    publish = replace(PUBLISH, dataset=str(FLIGHTS), published_at=NOW - DAY)
    rows = [replace(publish, partition=_key(ago)) for ago in range(2, 58)]
    last = replace(publish, partition=_key(1), rows_out=900, failing='{"not_null_x": 3}')
    with lake.get_connection() as connection:
        ledger.append(connection, [*rows, last])
    tried = Attempt(wanted="a", tries=3, state="asked", why="", run="", at=NOW)
    failed = replace(tried, wanted="b", tries=1, state="failed")
    Attempts(lake.dsn()).write({(FLIGHTS, _key(1)): tried, (FLIGHTS, _key(2)): failed})
    said = _measured(lake, found, FLIGHTS, PROMISE)
    assert said["on_time"].told == "8 of 10 partitions"
    # From two hours after a day's end to its publish, or to the next day's due time.
    assert said["repair_time"].value == pytest.approx(3 * 3600, abs=3600)
    # Since the first verdict, without a day that is missing and three hours.
    assert said["fresh_minutes"].told == "11,940 of 13,560 minutes"
    assert said["completeness"].value == pytest.approx(0.9)
    assert said["completeness"].told.startswith(f"{_key(1)}: 900 rows, expected 800 to")
    assert said["error_rate"].told == "3 of 4 tries"
    assert said["breaches"].value == 0
    correctness = said["correctness"].value
    assert correctness is not None
    assert 0.99 < correctness < 1
    assert said["schema_compatibility"].value is None  # it is as it was released
    assert said["cost_per_gb"].told == "no prices are declared"
    assert [said[n].value for n in ("lag", "duplicate_rate", "backlog")] == [None] * 3


def test_captured_dataset_is_measured_from_its_batches(
    lake: Lake, found: dict[DatasetName, Dataset], home: Path
) -> None:
    """Rows put aside are missing, repeats are not."""
    batch = replace(
        BATCH,
        stream=str(CAPTURED),
        committed_at=NOW,
        rows=800,
        quarantined=100,
        watermark_at=NOW - timedelta(minutes=7),
    )
    with lake.get_connection() as connection:
        ledger.append(connection, [batch, replace(batch, committed_at=NOW - 2 * DAY, rows=0)])
    note(home, str(CAPTURED), (41, "rows"), oldest=None, now=NOW)
    said = _measured(lake, found, CAPTURED, None)
    assert said["completeness"].told == "800 of 900 rows read in a day"
    assert said["duplicate_rate"].value == pytest.approx(0.1)
    assert said["lag"].value == 420
    assert (said["backlog"].value, said["backlog"].unit) == (41, "rows")
