"""A service of the outside that wants a token: the one that expires."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Tides:
    """Answer who shows the right token; `tokens` are those that are right now, by path."""

    def __init__(self, port: int) -> None:
        self.port, self.tokens = port, dict[str, str]()

    def answer(self, path: str, shown: str) -> tuple[int, object]:
        """The status and the body of an answer."""
        place, asked = urlsplit(path).path, parse_qs(urlsplit(path).query)
        right = self.tokens.get(place)
        if right is None or shown != f"Bearer {right}":
            return 401, {"error": "the token is not valid any more"}
        since = asked.get("since", [""])[0]
        row = {"sighting_id": f"{place}@{since}", "seen_at": since, "containers": 1}
        return 200, {"items": [row] if since else []}


@contextmanager
def tides() -> Iterator[Tides]:
    """The service on a port of its own."""
    made: Tides

    class TidesHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, told = made.answer(self.path, self.headers.get("Authorization", ""))
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), TidesHandler)
    made = Tides(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
