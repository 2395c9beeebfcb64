"""The kinds of source that speak HTTP, each over a real server."""

from __future__ import annotations

import base64
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.watermain.source.web_server import ThingsApi
from watermain.clock import FixedClock
from watermain.credential import Gate
from watermain.declare.outside.web import ByCursor, ByLink, ByPage, Increment, Rest, Webhook
from watermain.secrets import Secrets
from watermain.settings import Settings
from watermain.source.protocol import Shape
from watermain.source.rest.pace import RequestPace, Ticks
from watermain.source.rest.rest import RestSource
from watermain.source.rest.rest_client import Access, Bounds
from watermain.source.rest.rest_memory import instant_text
from watermain.source.webhook.webhook import WebhookSource
from watermain.source.webhook.webhook_inbox import Inbox, Room
from watermain.source.webhook.webhook_server import application

SECRET = "open sesame"
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


class WebhookKind:
    """An endpoint of our own to which one delivery is sent for each addition."""

    together = True

    def __init__(self, folder: Path, **words: Any) -> None:
        self.folder = folder
        self.secret = folder / "secret"
        folder.mkdir(parents=True)
        self.secret.write_text(SECRET)
        given = {"scheme": "watermain", "secret": f"file:{self.secret}", **words}
        self.word = Webhook(path="/hooks/things", **given)
        self.room = Room()
        self.address = ""
        self.count = 0
        self.time = time.time

    @property
    def app(self) -> Any:
        """The endpoint, as a new process would open it."""
        secrets = Secrets(Settings(data_dir=self.folder))
        return application(
            {
                self.word.path: lambda: Inbox(
                    self.word, self.folder / "inbox", secrets, room=self.room
                )
            }
        )

    def add(self, rows: list[dict]) -> None:
        self.count += 1
        body = json.dumps([{**row, "extra": "1"} for row in rows]).encode()
        assert self.send(body, f"delivery-{self.count}").status_code == 202

    def send(self, body: bytes, key: str, secret: str = SECRET, **more: str) -> httpx.Response:
        """Send one delivery, signed."""
        return httpx.post(
            self.address + self.word.path,
            content=body,
            headers={**self.sign(body, key, secret, int(self.time())), **more},
            trust_env=False,
            verify=False,
            timeout=120,
        )

    def sign(self, body: bytes, key: str, secret: str, stamp: int) -> dict[str, str]:
        """The headers of a delivery in the declared scheme."""
        make = standard if self.word.scheme == "standard" else signed
        return make(body, key, secret, stamp)

    def open(self, shape: Shape = SHAPE) -> WebhookSource:
        return WebhookSource(
            self.word, shape, folder=self.folder / "inbox", scratch=self.folder / "scratch"
        )


def signed(body: bytes, key: str, secret: str, stamp: int) -> dict[str, str]:
    """The headers of a delivery."""
    mac = hmac.new(secret.encode(), f"{stamp}.{key}.".encode() + body, "sha256")
    return {
        "X-Timestamp": str(stamp),
        "Idempotency-Key": key,
        "X-Signature": f"sha256={mac.hexdigest()}",
    }


def standard(body: bytes, key: str, secret: str, stamp: int) -> dict[str, str]:
    """The headers of a delivery as Standard Webhooks has them."""
    used = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    mac = hmac.new(used, f"{key}.{stamp}.".encode() + body, "sha256")
    return {
        "webhook-timestamp": str(stamp),
        "webhook-id": key,
        "webhook-signature": f"v1,{base64.b64encode(mac.digest()).decode()}",
    }


class RestKind:
    """An endpoint that tells of things, watched by a clock that moves on with each addition."""

    together = True

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
        reach = {n: words.pop(n) for n in ("overlap", "delay", "every", "catch_up") if n in words}
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
                pace=RequestPace(self.folder / "pace.json", word.rate, self.ticks),
                clock=self.clock,
                ticks=self.ticks,
                bounds=self.bounds,
            ),
            scratch=self.folder / "scratch",
            captured=lambda _: [],
        )
