"""The sink that stands for people: it hears what a platform tells by a webhook."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from urllib.parse import unquote

from watermain.cli.gameday.loopback import QuietHandler, listening

FIRST = ("fired", "raised")


@dataclass(frozen=True, kw_only=True)
class HeardTelling:
    """One thing that arrived: `kind` is fired, raised, fixed or another."""

    at: datetime
    cause_id: str
    kind: str
    title: str

    @property
    def dataset(self) -> str:
        """The dataset that its cause names."""
        return self.cause_id.partition("@")[0]


class GamePager:
    """Everything that was told, in the order of its arrival."""

    def __init__(self, port: int) -> None:
        self.port, self.heard = port, list[HeardTelling]()

    def hear(self, key: str, body: bytes) -> None:
        """Take what was posted."""
        words = unquote(key).rsplit("/", 2)
        cause, kind = (words[0], words[1]) if len(words) == 3 else (unquote(key), "")
        title = str(json.loads(body or b"{}").get("title", ""))
        self.heard.append(
            HeardTelling(at=datetime.now(UTC), cause_id=cause, kind=kind, title=title)
        )

    def first(
        self, dataset: str, since: datetime, severity: str, patience: timedelta
    ) -> HeardTelling | None:
        """Wait for the first thing that is told of a dataset's trouble.

        Shapes: it is the first of that severity, as a ticket may become a page; where none comes,
        the first of any.
        """

        def told(heard: HeardTelling) -> bool:
            return heard.dataset == dataset and heard.kind in FIRST and heard.at >= since

        found = self._awaited(lambda t: told(t) and t.title.startswith(f"[{severity}]"), patience)
        return found or next(filter(told, list(self.heard)), None)

    def fixed(self, cause_id: str, patience: timedelta) -> HeardTelling | None:
        """Wait until a cause is told to be over."""
        return self._awaited(lambda t: t.cause_id == cause_id and t.kind == "fixed", patience)

    def _awaited(
        self, is_it: Callable[[HeardTelling], bool], patience: timedelta
    ) -> HeardTelling | None:
        until = monotonic() + patience.total_seconds()
        while True:
            found = next(filter(is_it, list(self.heard)), None)
            if found is not None or monotonic() >= until:
                return found
            sleep(0.2)


@contextmanager
def game_pager() -> Iterator[GamePager]:
    """A pager on a port of its own."""
    made: GamePager

    class PagerHandler(QuietHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.hear(self.headers.get("Idempotency-Key", ""), body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with listening(PagerHandler) as port:
        made = GamePager(port)
        yield made
