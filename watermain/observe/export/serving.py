"""The endpoint that Prometheus scrapes, on the loopback alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from watermain.declare.errors import UnreachableSystemError
from watermain.observe.export.exposition import CONTENT_TYPE, page
from watermain.observe.export.figures import AllFigures

HOST, PATH = "127.0.0.1", "/metrics"
OWN_NAMES = frozenset({HOST, "localhost"})
EVERY = timedelta(seconds=30)
PATIENCE = timedelta(seconds=30)  # with whoever connects and asks nothing, or does not read


class Exporting:
    """Put figures together from time to time, as a step of a round; a scrape gets the last page.

    Guarantees: a scrape never asks the database, so that it costs the same whoever asks how often.
    """

    def __init__(self, gather: Callable[[datetime], AllFigures]) -> None:
        self._gather = gather
        self._made_at: datetime | None = None
        self._told: frozenset[str] = frozenset()
        self.page = b""

    def __call__(self, now: datetime) -> str:
        """Make the page anew where it is time to; say what is missing from it, once."""
        if self._made_at is not None and timedelta(0) <= now - self._made_at < EVERY:
            return ""
        self._made_at = now
        found = self._gather(now)
        self.page = page(found)
        news, self._told = frozenset(found.unread) - self._told, frozenset(found.unread)
        return "\n".join(f"no figures of {part}: it could not be read" for part in sorted(news))


def serve(port: int, exporting: Exporting, names: Iterable[str] = ()) -> Callable[[], None]:
    """Answer scrapes on 127.0.0.1 to whoever calls it by its name; give what ends it.

    Raises: UnreachableSystemError, naming the port, where another program has it.
    """
    try:
        server = ThreadingHTTPServer((HOST, port), _handler(exporting, OWN_NAMES | set(names)))
    except OSError as error:
        raise UnreachableSystemError(
            f"port {port} on {HOST} is taken by another program",
            declared="WATERMAIN_METRICS_PORT, or --metrics-port",
            data="no promise was judged by this process",
            next=f"watermain observe --metrics-port {port + 1 if port < 65535 else 9190}",
        ) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end


def _handler(exporting: Exporting, known: Collection[str]) -> type[BaseHTTPRequestHandler]:
    """What answers a request."""

    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE.total_seconds()

        def do_GET(self) -> None:
            told = self.headers.get_all("Host") or []
            if len(told) != 1 or told[0].partition(":")[0].lower() not in known:
                self._answer(421, b"this server does not answer to that host\n", "text/plain")
            elif self.path.partition("?")[0] != PATH:
                self._answer(404, f"figures are at {PATH}\n".encode(), "text/plain")
            elif not exporting.page:
                self._answer(503, b"nothing was read yet\n", "text/plain")
            else:
                self._answer(200, exporting.page, CONTENT_TYPE)

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing of each scrape."""

    return Handler
