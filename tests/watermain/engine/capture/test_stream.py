"""Streams: commit after commit under one lease, at the lake's pace, whatever breaks."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from tests.watermain.engine.capture.test_lateness import events
from tests.watermain.engine.feed import Feed
from watermain import trouble
from watermain.backoff import Backoff
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.engine.capture.ingest import capture
from watermain.engine.capture.stream import (
    LISTEN_SECONDS,
    PREFIX,
    Pace,
    Stream,
    run_streams,
)
from watermain.engine.capture.waiting import noted
from watermain.engine.publish.publish import Job
from watermain.lake import ledger
from watermain.lake.fence import STREAM
from watermain.lake.lake import Lake, table
from watermain.metrics import Metrics
from watermain.source.protocol import Backlog, Batch, Limit
from watermain.trouble import troubles

QUICK = Pace(rows=10, every=timedelta(milliseconds=20))
PATIENCE_SECONDS = 120.0


class Endless:
    """Give batches for ever, a few for each call; know how far reading is ahead of the lake."""

    def __init__(self, *, rows: int = 10, each: int = 3) -> None:
        self.rows, self.each = rows, each
        self.read = self.acknowledged = self.ahead = 0
        self.errors: list[Exception] = []

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Go on from the ledger's position."""
        assert limit.rows == QUICK.rows
        if self.errors:
            raise self.errors.pop()
        at = int(after.get("s") or 0)
        for number in range(at, at + self.each):
            self.read = number + 1
            self.ahead = max(self.ahead, self.read - self.acknowledged)
            ids = [f"{number}.{n}" for n in range(self.rows)]
            filled = {"at": "2013-01-02 10:00:00+00", "_file": "f", "_file_hash": "h", "_row": "1",
                      "_delivered_at": "2013-01-02 10:00:00+00"}  # fmt: skip
            columns = {"id": ids, **{n: [v] * self.rows for n, v in filled.items()}}
            yield Batch(
                shard="s", start=str(number or ""), end=str(number + 1), rows=pa.table(columns)
            )

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Remember what the lake has."""
        self.acknowledged = int(positions["s"])

    def backlog(self) -> Backlog:
        """There is always more."""
        return Backlog(rows=1000, bytes=5)

    def verify(self) -> None:
        """Nothing to prove."""


def made(lake: Lake, source: Any, told: list[str] | None = None) -> Stream:
    """A stream of the events."""
    return Stream(
        dataset=events,
        job=Job(lake=lake, find={events.name: events}.__getitem__, run_id=f"{PREFIX}test"),
        pace=QUICK,
        stop=threading.Event(),
        metrics=Metrics(),
        tell=(told if told is not None else []).append,
        source=source,
    )


@contextmanager
def running(stream: Stream) -> Iterator[threading.Thread]:
    """Run a stream beside the test."""
    thread = threading.Thread(target=run_streams, args=([stream], stream.stop))
    thread.start()
    try:
        yield thread
    finally:
        stream.stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def until(true: Callable[[], object]) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def proved(lake: Lake) -> tuple[int, int]:
    """Rows in raw, batches in the ledger; no row doubled, no batch out of order."""
    with lake.get_connection() as connection:
        rows, ids = connection.execute(
            f"select count(*), count(distinct id) from {table(events.name)}"
        ).fetchone() or (0, 0)
        spans = connection.execute(
            f"select from_position, to_position, rows from {ledger.BATCHES} order by rowid"
        ).fetchall()
    assert rows == ids == sum(span[2] for span in spans)
    assert [span[0] for span in spans] == ["", *(span[1] for span in spans[:-1])]
    return rows, len(spans)


def epochs(lake: Lake) -> list[tuple[int, str]]:
    """The leases under which batches were committed."""
    with lake.get_connection() as connection:
        return connection.execute(
            f"select distinct epoch, run_id from {ledger.BATCHES} order by 1"
        ).fetchall()


def test_a_stream_commits_under_one_lease_until_it_is_told_to_stop(lake: Lake) -> None:
    """Commits follow each other, with one lease, one connection; the end loses nothing."""
    source = Endless()
    stream = made(lake, source)
    with running(stream):
        until(lambda: source.acknowledged >= 10)
        assert lake.fence.streamed(str(events.name))
    rows, batches = proved(lake)
    assert rows == 10 * batches == 10 * source.acknowledged
    assert [run for _, run in epochs(lake)] == [f"{PREFIX}test"]
    assert not lake.fence.streamed(str(events.name))


def test_a_slow_lake_slows_the_reading(lake: Lake) -> None:
    """Nothing is read while a commit is under way, so that no memory grows."""
    source = Endless(each=1000)

    class Slow(Lake):
        @contextmanager
        def transaction(self, *words: Any) -> Iterator[Any]:
            with super().transaction(*words) as written:
                time.sleep(0.05)
                yield written

    slow = Slow(catalog=lake.catalog, folder=lake.folder)
    with running(made(slow, source)):
        until(lambda: source.acknowledged >= 8)
    assert source.ahead == 1


def test_a_capture_leaves_a_streamed_dataset_alone(lake: Lake) -> None:
    """A run that comes while a stream holds the lease ends at once, says why."""
    job = Job(lake=lake, find={events.name: events}.__getitem__)
    source = Endless()
    with running(made(lake, source)):
        until(lambda: source.acknowledged)
        done = capture(events, job, source=Feed())
        assert (done.outcomes, done.idle_because) == ((), "a stream captures it")
    assert capture(events, job, source=Feed()).idle_because == "no new rows"


def test_rhythms_take_turns_without_loss(lake: Lake) -> None:
    """Captures wait for no stream, a stream waits for the capture that holds the lease."""
    source = Endless()
    job = Job(lake=lake, find={events.name: events}.__getitem__, run_id="run")
    for _ in range(3):
        before = source.acknowledged
        with lake.fence.lease(str(events.name)), running(made(lake, source)):
            time.sleep(0.2)
            assert source.acknowledged == before
        with running(made(lake, source)):
            until(lambda before=before: source.acknowledged > before)
        # A capture's limits are its own; the source of this test knows only those of a stream.
        capture(events, job, source=Feed(*Endless().batches(
            after={"s": str(source.acknowledged)}, limit=Limit(rows=QUICK.rows))))  # fmt: skip
        source.acknowledged += 3
    assert proved(lake) == (10 * source.acknowledged, source.acknowledged)
    assert {run for _, run in epochs(lake)} == {f"{PREFIX}test", "run"}


def test_a_fenced_stream_goes_on_under_a_new_lease(lake: Lake, home: Any) -> None:
    """Its lease is taken away: what it had under way is refused, then read again."""
    source, told = Endless(), []
    with running(made(lake, source, told)):
        for _ in range(3):
            before = source.acknowledged
            until(lambda before=before: source.acknowledged > before + 2)
            with psycopg.connect(os.environ["WATERMAIN_POSTGRES"], autocommit=True) as other:
                # What a later holder does first, when it has seen this one silent for too long.
                other.execute("update watermain.lease set epoch = epoch + 1")
                other.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = %s and datname = current_database()",
                    (STREAM,),
                )
        before = source.acknowledged
        until(lambda: source.acknowledged > before + 2)
    assert proved(lake) == (10 * source.acknowledged, source.acknowledged)
    assert len(epochs(lake)) >= 2
    assert any("LostLease" in line for line in told)


def test_what_waits_is_noted_and_trouble_of_a_dead_process_is_over(lake: Lake, home: Path) -> None:
    """Whoever watches reads both, whether or not metrics are served."""
    away = UnreachableSystemError("away", declared="here", data="none", next="wait")
    now = datetime.now(UTC)
    trouble.begin(home, str(events.name), away, now=now, again_at=now)
    path = home / trouble.FOLDER / f"{events.name}.json"
    path.write_text(path.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {2**22 + 1}'))
    assert trouble.left(home) == {str(events.name)}
    source = Endless()
    with running(made(lake, source)):
        until(lambda: source.acknowledged >= 6)
    assert trouble.left(home) == set()
    ((name, looks),) = noted(home)
    assert (name, [(each.amount, each.unit) for each in looks]) == (
        str(events.name),
        [(1000, "rows")],
    )


def test_errors_are_told_once_then_tried_again(lake: Lake, home: Path) -> None:
    """What may pass is a metric, a line of status, a pause; it never ends the stream."""
    source, told = Endless(), []
    words = {"declared": "here", "data": "none", "next": "wait"}
    source.errors = [UnreachableSystemError("the source is away", **words) for _ in range(3)]
    stream = made(lake, source, told)
    stream.backoff = Backoff(first=timedelta(milliseconds=400), chance=random.Random(1))
    known, value = {"dataset": str(events.name)}, stream.metrics.registry.get_sample_value
    with running(stream):
        until(lambda: [each.tries for each in troubles(home)] == [2])
        (waiting,) = troubles(home)
        assert 0.4 <= (value("watermain_retry_seconds", known) or 0) <= 0.8
        assert value("watermain_unreachable", known) == 1.0
        until(lambda: source.acknowledged >= 3)
    assert str(waiting).endswith("UnreachableSystemError: the source is away")
    assert [line.splitlines()[0] for line in told] == [
        "UnreachableSystemError: the source is away",
        f"{events.name} goes on, after 3 tries",
    ]
    assert troubles(home) == []
    assert value("watermain_unreachable", known) == value("watermain_retry_seconds", known) == 0.0


def test_what_the_engine_met_outside_is_waited_for(lake: Lake) -> None:
    """An error without a name of ours, of a connection, is no traceback."""
    source, told = Endless(), []
    source.errors = [psycopg.OperationalError("the connection is lost")]
    stream = made(lake, source, told)
    stream.backoff = Backoff(first=timedelta(milliseconds=10))
    with running(stream):
        until(lambda: source.acknowledged >= 3)
    assert told[0].splitlines() == [
        "UnreachableSystemError: something that the lake stands on does not answer:"
        " the connection is lost",
        "  declared  the lake's settings",
        "  data      nothing was published; what readers had stands as it was",
        "  next      watermain doctor",
    ]


def test_an_error_that_somebody_must_cure_shows_in_the_metrics(lake: Lake) -> None:
    """The stream waits; it can be stopped while it does."""
    source, told = Endless(), []
    source.errors = [SourceError("the slot is gone", declared="x", data="y", next="z")]
    stream = made(lake, source, told)
    known = {"dataset": str(events.name)}
    with running(stream):
        until(lambda: told)
        until(lambda: stream.metrics.registry.get_sample_value("watermain_unreachable", known))
    assert source.acknowledged == 0


def test_what_nobody_expected_holds_up_no_other_stream(
    lake: Lake, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A defect is told with its traceback, shows as trouble, and the dataset is tried again."""
    source, told = Endless(), []
    source.errors = [ZeroDivisionError("a defect")]
    broken = made(lake, source, told)
    broken.backoff = Backoff(first=timedelta(milliseconds=400), chance=random.Random(1))
    with running(broken):
        until(lambda: troubles(home))
        (waiting,) = troubles(home)
        until(lambda: source.acknowledged >= 3)
    assert waiting.what == "shop.raw.events: its capture met ZeroDivisionError: a defect"
    assert "ZeroDivisionError: a defect" in capsys.readouterr().err
    assert told[-1] == "shop.raw.events goes on, after 1 tries"


class Telling(Endless):
    """Give a batch whenever it is told to, and count how often it is read or listened to."""

    def __init__(self) -> None:
        super().__init__(rows=5, each=0)
        self.heard, self.listened, self.turns = threading.Event(), 0, 0

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give a batch if something was heard."""
        self.turns += 1
        self.each = int(self.heard.is_set())
        self.heard.clear()
        return super().batches(after=after, limit=limit)

    def listen(self, *, after: Mapping[str, str], seconds: float, stop: threading.Event) -> None:
        """Wait to be told."""
        assert set(after) <= {"s"}
        assert seconds == LISTEN_SECONDS
        self.listened += 1
        while not stop.is_set() and not self.heard.wait(0.02):
            pass


def test_a_source_that_tells_is_not_asked_again_and_again(lake: Lake) -> None:
    """While nothing comes it is not read; what comes is committed at once."""
    source = Telling()
    with running(made(lake, source)):
        until(lambda: source.listened)
        time.sleep(0.5)  # many turns of this pace
        assert (source.turns, source.listened) == (1, 1)
        source.heard.set()
        until(lambda: source.acknowledged == 1)
        until(lambda: source.listened == 2)
        assert source.turns == 3  # the last one found nothing more
    assert proved(lake) == (5, 1)
