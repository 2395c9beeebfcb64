"""A service of the outside that wants a token: the one that expires."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from watermain.cli.gameday.loopback import QuietHandler, listening


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

    class TidesHandler(QuietHandler):
        def do_GET(self) -> None:
            status, told = made.answer(self.path, self.headers.get("Authorization", ""))
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with listening(TidesHandler) as port:
        made = Tides(port)
        yield made
