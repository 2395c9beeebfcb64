"""A run is launched, followed, told, over answers as Dagster's web server gives them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.ports import free_port
from watermain.__main__ import app
from watermain.cli.exits import FAILED, UNREACHABLE, exit_code
from watermain.declare.errors import InvalidPartitionError, UnreachableSystemError
from watermain.lake.lake import Lake
from watermain.process.web import RefusedRunError
from watermain.settings import child_environment

FLIGHTS = "operations.curated.flights"
DAY = ("--partition", "2013-01-22")
RUN = "5d3bc0a2-3b7a-4c0e-9c4f-0c2a6d1b8f11"
REASON = f"{FLIGHTS}: 3 of 986 rows have null `id`\n  declared  x\n  data  y\n  next  z"


@dataclass
class Recorded:
    """A web server that answers with recorded bodies: a run goes through these states."""

    states: list[str] = field(default_factory=lambda: ["QUEUED", "STARTED", "SUCCESS"])
    refuses: bool = False
    launched: list[dict[str, Any]] = field(default_factory=list)
    polled: threading.Event = field(default_factory=threading.Event)

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if "launchRun" in query:
            if self.refuses:
                return {"launchRun": {"__typename": "PythonError", "message": "no such job"}}
            self.launched.append(variables["params"])
            return {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": RUN}}}
        if "eventConnection" in query:
            events = [{"stepKey": "a", "failureMetadata": {"description": REASON}}]
            return {"runOrError": {"status": "FAILURE", "eventConnection": {"events": events}}}
        self.polled.set()
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"runOrError": {"status": state, "stepStats": []}}


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """The server at the port that the settings name."""
    told = Recorded()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say({})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._say({"data": told.answer(asked["query"], asked["variables"])})

        def _say(self, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("WATERMAIN_PORT", str(server.server_port))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def published(lake: Lake, run_id: str = RUN) -> None:
    """What the run leaves in the ledger."""
    with lake.get_connection() as connection:
        connection.execute(
            "insert into lake.upkeep_raw.publishes (dataset, partition, rows_out, run_id)"
            f" values ('{FLIGHTS}', '2013-01-22', 986, '{run_id}')"
        )


def test_run_is_launched_followed_and_told(lake: Lake, web: Recorded) -> None:
    """Its partitions go as tags; what it published is read from the ledger."""
    published(lake)
    published(lake, "another run")
    done = CliRunner().invoke(app, ["run", FLIGHTS, *DAY])
    assert done.exit_code == 0, done.output
    (asked,) = web.launched
    assert asked["selector"]["assetSelection"] == [{"path": ["operations", "curated", "flights"]}]
    assert asked["executionMetadata"]["tags"] == [
        {"key": "dagster/asset_partition_range_start", "value": "2013-01-22"},
        {"key": "dagster/asset_partition_range_end", "value": "2013-01-22"},
    ]
    assert done.stderr.splitlines() == [
        f"run 5d3bc0a2 of {FLIGHTS} [2013-01-22]",
        "  waits for its turn",
        "  runs",
        "  ok      published 986 rows in 1 partition",
    ]


def test_range_may_be_replaced_although_nothing_changed(lake: Lake, web: Recorded) -> None:
    """By a tag; the facts are printed for a script."""
    words = ["run", FLIGHTS, "--from", "2013-01-22", "--to", "2013-01-24", "--rebuild", "--json"]
    done = CliRunner().invoke(app, words)
    tags = {t["key"]: t["value"] for t in web.launched[0]["executionMetadata"]["tags"]}
    assert tags["watermain/rebuild"] == "true"
    assert json.loads(done.stdout) == {
        "run": RUN, "dataset": FLIGHTS, "status": "ok", "from": "2013-01-22", "to": "2013-01-24",
        "failures": [], "published_partitions": 0, "published_rows": 0,
    }  # fmt: skip


def test_short_name_of_a_feature_table_is_enough(lake: Lake, web: Recorded) -> None:
    """What is launched is the version that readers get."""
    words = ["run", "prediction.features.airport_delay", *DAY]
    assert CliRunner().invoke(app, words).exit_code == 0
    (path,) = web.launched[0]["selector"]["assetSelection"]
    assert path["path"][2].startswith("airport_delay_v")


def test_failed_run_ends_with_one_and_its_reason(lake: Lake, web: Recorded) -> None:
    """The four lines that it met; what looks into it."""
    web.states = ["FAILURE"]
    done = CliRunner().invoke(app, ["run", FLIGHTS, *DAY])
    assert done.exit_code == FAILED
    lines = done.stderr.splitlines()
    assert lines[1] == "  failed  nothing new was published"
    assert lines[2:6] == REASON.splitlines()
    assert lines[6] == "look   watermain logs 5d3bc0a2"


def test_run_that_somebody_stopped_is_told_as_that(lake: Lake, web: Recorded) -> None:
    """It did not end well, either."""
    web.states = ["CANCELED"]
    done = CliRunner().invoke(app, ["run", FLIGHTS, *DAY])
    assert done.exit_code == FAILED
    assert "  stopped nothing new was published" in done.stderr


def test_run_that_is_refused_is_told(lake: Lake, web: Recorded) -> None:
    """By whoever refuses it."""
    web.refuses = True
    done = CliRunner().invoke(app, ["run", FLIGHTS, *DAY])
    assert isinstance(done.exception, RefusedRunError)


@pytest.mark.parametrize(
    ("words", "next_words"),
    [
        (DAY, f"watermain materialize {FLIGHTS} --partition 2013-01-22"),
        (
            ("--from", "2013-01-22", "--to", "2013-01-23"),
            f"watermain materialize {FLIGHTS} --from 2013-01-22 --to 2013-01-23",
        ),
    ],
)
def test_platform_that_is_down_is_told_with_both_ways(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], next_words: str
) -> None:
    """To start it, or to do without it."""
    monkeypatch.setenv("WATERMAIN_PORT", str(free_port()))
    done = CliRunner().invoke(app, ["run", FLIGHTS, *words])
    assert isinstance(done.exception, UnreachableSystemError)
    assert exit_code(done.exception) == UNREACHABLE
    assert done.exception.next == f"watermain up; or in this process: {next_words}"


def test_partitions_are_proved_before_anything_is_asked(home: Path, web: Recorded) -> None:
    """Those outside of the calendar, or none of a calendar."""
    for words in (("--partition", "2013-13-01"), ()):
        done = CliRunner().invoke(app, ["run", FLIGHTS, *words])
        assert isinstance(done.exception, InvalidPartitionError)
    assert CliRunner().invoke(app, ["run", FLIGHTS, "--from", "2013-01-01"]).exit_code == 2
    assert CliRunner().invoke(app, ["run", FLIGHTS, *DAY, "--to", "2013-01-23"]).exit_code == 2
    assert web.launched == []


def test_interrupt_leaves_the_run_alone(lake: Lake, web: Recorded) -> None:
    """And says how it is followed."""
    web.states = ["STARTED"]
    child = subprocess.Popen(
        [sys.executable, "-m", "watermain", "run", FLIGHTS, *DAY],
        env=child_environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert web.polled.wait(120)
    os.kill(child.pid, signal.SIGINT)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 130
    assert told.splitlines()[-1] == "the run goes on; follow it: watermain logs 5d3bc0a2"
    assert len(web.launched) == 1
