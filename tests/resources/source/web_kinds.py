"""The kinds of source that speak HTTP, each over a real server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from platform_assets.declare.web import ByCursor, ByLink, ByPage, Increment, Rest
from resources.clock import FixedClock
from resources.credential import Gate
from resources.secrets import Secrets
from resources.settings import Settings
from resources.source.pace import Pace, Ticks
from resources.source.protocol import Shape
from resources.source.rest import RestSource
from resources.source.rest_client import Access, Bounds
from resources.source.rest_memory import instant_text
from tests.resources.source.web_server import ThingsApi

BEGIN = datetime(2013, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAGES = {
    "cursor": ByCursor(next="meta.next"),
    "page": ByPage(size=2),
    "link": ByLink(),
    "body-link": ByLink(next="meta.next"),
}
SHAPE = Shape(
    dataset="operations.raw.things",
    columns=("id", "day", "note"),
    key=("id",),
    declared="rooms/things.py:7",
)


class RestKind:
    """An endpoint that tells of things, watched by a clock that moves on with each addition."""

    def __init__(self, api: ThingsApi, address: str, folder: Path) -> None:
        self.api, self.address, self.folder = api, address, folder
        self.clock = FixedClock(BEGIN)
        self.rate = 1000.0
        self.ticks = Ticks()
        self.bounds = Bounds(pause_seconds=0.05)

    def add(self, rows: list[dict]) -> None:
        for each, row in enumerate(rows):
            at = self.clock.now() + timedelta(seconds=each)
            self.api.add(instant_text(at), json.dumps({**row, "extra": 1}))
        self.clock.instant += HOUR

    def late(self, row: dict, before: timedelta) -> None:
        """Let a row appear now that should have been told of earlier."""
        self.api.add(instant_text(self.clock.now() - before), json.dumps(row))

    def word(self, **words: Any) -> Rest:
        """The declaration, but for what a test says otherwise."""
        reach = {n: words.pop(n) for n in ("overlap", "delay", "every") if n in words}
        window = Increment(
            **{"since": "since", "until": "until", "start": BEGIN, "every": HOUR, **reach}
        )
        return Rest(
            **{
                "connection": "api",
                "path": "/things",
                "records": "data.items",
                "pages": PAGES[self.api.style],
                "total": "meta.total",
                "rate": self.rate,
                "window": window,
                **words,
            }
        )

    def open(self, shape: Shape = SHAPE, **words: Any) -> RestSource:
        word = self.word(**{"overlap": 3 * HOUR, **words})
        settings = Settings(data_dir=self.folder)
        return RestSource(
            word,
            shape,
            access=Access(
                address=lambda: f"{self.address}/v1",
                secrets=Secrets(settings, now=self.ticks.now),
                gate=Gate("api", self.folder, self.clock),
                pace=Pace(self.folder / "pace.json", word.rate, self.ticks),
                clock=self.clock,
                ticks=self.ticks,
                bounds=self.bounds,
            ),
            scratch=self.folder / "scratch",
            captured=lambda _: [],
        )
