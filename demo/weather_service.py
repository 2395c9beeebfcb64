"""The weather service: observations over HTTP, for those who show the token, at a bounded rate."""

from __future__ import annotations

import hmac
import math
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from demo.pace import present
from demo.weather import Observatory, Shelf
from watermain import durable

PAGE = 500
REQUESTS_A_SECOND = 10.0
BURST = 10.0


class Bucket:
    """Let through `rate` requests a second, and some more after a pause."""

    def __init__(self, rate: float, burst: float, now: Callable[[], float]) -> None:
        self._rate, self._burst, self._now = rate, burst, now
        self._left, self._at, self._alone = burst, now(), Lock()

    def take(self) -> float:
        """Take a token; give 0.0, or the seconds until there is one."""
        with self._alone:
            now = self._now()
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
            self._at = now
            if self._left < 1:
                return (1 - self._left) / self._rate
            self._left -= 1
            return 0.0


class WeatherService:
    """Answer `GET /v1/observations?published_since=...&published_until=...&cursor=...`.

    Guarantees: what is published after now is never told; the answer is 401 without the
    token, 400 for a question that makes no sense, and 429 with Retry-After beyond the rate.
    """

    def __init__(
        self,
        shelf: Shelf,
        token: str,
        seed: int,
        *,
        clock: Callable[[], datetime] = present,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shelf, self._token, self._clock = shelf, token, clock
        self._observatory = Observatory(seed)
        self._bucket = Bucket(REQUESTS_A_SECOND, BURST, now)
        self.app = Starlette(routes=[Route("/v1/observations", self.observations)])

    def observations(self, request: Request) -> JSONResponse:
        """Give one page."""
        shown = request.headers.get("authorization", "")
        if not hmac.compare_digest(shown.encode(), f"Bearer {self._token}".encode()):
            return _refused(401, "show the token", {"WWW-Authenticate": "Bearer"})
        if (seconds := self._bucket.take()) > 0:
            return _refused(429, "too many requests", {"Retry-After": str(math.ceil(seconds))})
        asked = request.query_params
        try:
            since, until = (_instant(asked[f"published_{name}"]) for name in ("since", "until"))
            start = int(asked.get("cursor", "0"))
        except (KeyError, ValueError):
            return _refused(400, "ask with published_since, published_until as UTC instants", {})
        until = min(until, self._clock())
        found = self._observatory.published(self._shelf.days(since, until), since, until)
        end = start + PAGE
        meta = {"total": len(found), "next": str(end) if end < len(found) else None}
        return JSONResponse({"data": {"items": found[max(0, start) : end]}, "meta": meta})


def ensure_token(path: Path) -> str:
    """Give the token that the service wants, made up the first time and readable by its owner."""
    if not path.exists():
        durable.replace(path, secrets.token_urlsafe(24))
    return path.read_text().strip()


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return found.astimezone(UTC)


def _refused(status: int, why: str, headers: dict[str, str]) -> JSONResponse:
    return JSONResponse({"error": why}, status_code=status, headers=headers)
