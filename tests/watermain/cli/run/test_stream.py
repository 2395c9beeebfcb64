"""`watermain stream`, a process of its own, beside the other rhythm, over real sources."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.flow import ROOM, World, world
from tests.ports import free_port
from tests.watermain.cli.test_command import watermain
from watermain.cli.exits import WRONG_USE
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publish import Job
from watermain.lake import ledger
from watermain.process.postgres import EmbeddedPostgres

PATIENCE_SECONDS = 240.0


@pytest.fixture
def place(postgres: EmbeddedPostgres, home: Path) -> Iterator[World]:
    """A database with a broker, both captured into one lake."""
    with world(postgres, home, f"flow_{crc32(str(home).encode()):08x}") as made:
        yield made


def whole(place: World) -> None:
    """Wait until the lake holds what was sent; then nothing is lost, doubled or out of order."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    held = {}
    while any(held.get(name) != (place.sent,) * 3 for name in ROOM):
        assert time.monotonic() < deadline, (held, place.sent, place.log())
        held = {name: place.held(dataset) for name, dataset in ROOM.items()}
        time.sleep(0.1)


def contiguous(place: World) -> None:
    """Each batch begins where the one before it in its shard ended; its rows add up."""
    with place.lake.get_connection() as connection:
        gaps = connection.execute(
            "select count(*) from (select from_position, coalesce(lag(to_position) over (partition"
            f" by stream, shard order by epoch, rowid), '') as due from {ledger.BATCHES})"
            " where from_position <> due"
        ).fetchone()
        sums = connection.execute(
            f"select stream, sum(rows), sum(rows_in) from {ledger.BATCHES} group by 1 order by 1"
        ).fetchall()
    assert gaps == (0,)
    assert sums == [(name, place.sent, place.sent) for name in sorted(ROOM)]


def captures(place: World) -> None:
    """The micro-batches that sensors ask for."""
    for dataset in ROOM.values():
        capture(dataset, Job(lake=place.lake, find=lambda name: ROOM[str(name)]))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_rhythms_alternate_while_data_flows_without_loss(place: World) -> None:
    """Stream, micro-batch, stream, killed stream, micro-batch: all that was sent, once each.

    Dagster does not run at all meanwhile: the stream does not need it.
    """
    enough = threading.Event()

    def flow() -> None:
        while not enough.is_set():
            place.send(20)
            enough.wait(0.2)

    place.send(50)
    captures(place)
    writer = threading.Thread(target=flow, daemon=True)
    writer.start()
    try:
        for ending in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
            child = place.stream("--every", "0.2", "--rows", "100")
            place.await_streams()
            captures(place)  # leaves it to the stream
            time.sleep(2)
            child.send_signal(ending)
            assert child.wait(240) == (0 if ending != signal.SIGKILL else -signal.SIGKILL)
            captures(place)
    finally:
        enough.set()
        writer.join()
    captures(place)
    whole(place)
    contiguous(place)
    assert place.log().count("stopped") == 2


@pytest.mark.slow
def test_stream_serves_metrics_of_what_it_does(place: World) -> None:
    """A scrape tells rows, batches, backlog of both sources."""
    place.send(100)
    port = free_port()
    child = place.stream("--metrics-port", str(port), "--every", "0.2")
    try:
        place.await_streams()
        whole(place)
        found: dict[tuple[str, str], float] = {}
        deadline = time.monotonic() + 240
        while len([key for key in found if key[0] == "watermain_backlog_rows"]) < len(ROOM):
            assert time.monotonic() < deadline, found
            text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
            found = {
                (sample.name, sample.labels.get("dataset", "")): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }
            time.sleep(0.2)
        for name in ROOM:
            assert found["watermain_rows_captured_total", name] == 100
            assert found["watermain_batches_total", name] >= 1
            assert found["watermain_unreachable", name] == 0
        assert ("watermain_retained_wal_bytes", "flow.raw.changes") in found
        assert ("watermain_retained_wal_bytes", "flow.raw.messages") not in found
    finally:
        child.terminate()
        assert child.wait(240) == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("upkeep", "`upkeep` has nothing to capture"),
        ("upkeep.raw.batches", "`upkeep.raw.batches` has nothing to capture"),
        ("operations.raw.flihgts", "no room declares the dataset `operations.raw.flihgts`"),
        ("nothing", "`nothing` is no name of a dataset"),
    ],
)
def test_stream_says_what_cannot_be_captured(name: str, said: str, tmp_path: Path) -> None:
    """Four lines, nothing started."""
    done = watermain("stream", name, WATERMAIN_DATA_DIR=str(tmp_path))
    assert done.returncode == WRONG_USE
    assert said in done.stderr
