"""A loopback endpoint that keeps every page it is sent, whichever way it came."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

Page = tuple[str, str]  # the cause's dataset, what is told of it


class Sink:
    """Everything that was posted, in order; `status` is what it answers."""

    def __init__(self, port: int) -> None:
        self.port, self.status = port, 200
        self.posted: list[tuple[dict[str, str], Any]] = []

    @property
    def by_apprise(self) -> str:
        """Its address in the words of apprise."""
        return f"json://127.0.0.1:{self.port}"

    @property
    def by_webhook(self) -> str:
        """Its address for a webhook of an Alertmanager."""
        return f"http://127.0.0.1:{self.port}/"

    def wait(self, count: int, seconds: float = 60) -> None:
        """Wait until so many were posted."""
        until = time.monotonic() + seconds
        while len(self.posted) < count and time.monotonic() < until:
            time.sleep(0.05)
        assert len(self.posted) >= count, f"{len(self.posted)} of {count} arrived"

    def ids(self) -> list[str]:
        """The id of each telling that came by apprise."""
        return [unquote(headers["Idempotency-Key"]) for headers, _ in self.posted]

    def pages(self) -> list[Page]:
        """What people read, in the same words for either way."""
        seen: dict[str, set[tuple[str, int]]] = {}
        found = []
        for headers, body in self.posted:
            if "Idempotency-Key" in headers:
                cause, kind, number = unquote(headers["Idempotency-Key"]).rsplit("/", 2)
                level = number.partition(".")[2] if kind == "escalated" else ""
                found.append((cause.partition("@")[0], kind + level))
            else:
                found.append(_of_group(body, seen))
        return found


def _of_group(body: Any, seen: dict[str, set[tuple[str, int]]]) -> Page:
    cause = body["groupLabels"]["cause_id"]
    dataset = cause.partition("@")[0]
    if body["status"] == "resolved":
        seen.pop(cause, None)
        return dataset, "fixed"
    known = seen.setdefault(cause, set())
    told = {(each["labels"]["severity"], int(each["labels"]["level"])) for each in body["alerts"]}
    new, known_before = told - known, bool(known)
    known |= told
    if not known_before:
        return dataset, "fired"
    level = max((level for _, level in new), default=-1)
    return dataset, {-1: "repeated", 0: "raised"}.get(level, f"escalated{level}")


@contextmanager
def sink() -> Iterator[Sink]:
    """A sink on a port of its own."""
    made: Sink

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if made.status == 200:
                made.posted.append(({**self.headers, "Path": self.path}, json.loads(body)))
            self.send_response(made.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Sink(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
