"""A run waits for its room while that loads anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from watermain.cli.platform.locations import UNANSWERED, launched
from watermain.cli.run.plan import Run
from watermain.declare.name import DatasetName
from watermain.process.web import RefusedRunError, Web

RUN = Run(names=(DatasetName.parse("shop.curated.sales"),))
STARTED = {"__typename": "LaunchRunSuccess", "run": {"runId": "a-run"}}
UNREACHED = {"__typename": "PythonError", "message": f"DagsterUserCodeError: {UNANSWERED}.\nmore"}
UNKNOWN = {"__typename": "PipelineNotFoundError", "message": "Could not find Pipeline"}


class Told(BaseHTTPRequestHandler):
    """Answer a launch as recorded, the last answer again and again; the room is as it says."""

    launches: list[dict[str, Any]]
    status: str

    def do_POST(self) -> None:
        """Answer one question."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "mutation" in asked["query"]:
            answer = {"launchRun": self.launches[0]}
            self.launches[:] = self.launches[1:] or self.launches
        else:
            entry = {"name": "shop", "loadStatus": self.status, "locationOrLoadError": None}
            answer = {"workspaceOrError": {"locationEntries": [entry]}}
        body = json.dumps({"data": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[Web]:
    """A web server that answers what a test records."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Told) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Web(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


@pytest.mark.parametrize(
    ("first", "status"), [(UNREACHED, "LOADED"), (UNKNOWN, "LOADING"), (STARTED, "LOADED")]
)
def test_launch_waits_while_a_room_loads(web: Web, first: dict[str, Any], status: str) -> None:
    """Its code server cannot be reached yet, or its location is not there yet."""
    Told.launches, Told.status = [first, first, STARTED], status
    assert launched(RUN, web, {}) == "a-run"


def test_launch_that_is_refused_for_good_is_told(web: Web) -> None:
    """At once where the room is loaded; after its patience where it never comes."""
    Told.launches, Told.status = [UNKNOWN], "LOADED"
    with pytest.raises(RefusedRunError, match="Could not find Pipeline"):
        launched(RUN, web, {})
    Told.launches = [UNREACHED]
    with pytest.raises(RefusedRunError, match=UNANSWERED):
        launched(RUN, web, {}, patience_seconds=0.3)
