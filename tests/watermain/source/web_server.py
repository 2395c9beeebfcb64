"""Real HTTP servers for tests, one of which tells of things, faultlessly or not."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Fault = Callable[[int], str | None]
PAGE = 2


@contextmanager
def served(app: Any, **words: Any) -> Iterator[str]:
    """Serve an application on a free port of 127.0.0.1; give its address."""
    config = uvicorn.Config(
        app, "127.0.0.1", 0, log_config=None, lifespan="auto", timeout_graceful_shutdown=2, **words
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class ThingsApi:
    """Tell of things by windows of time, page by page; `fault` spoils the nth answer.

    `style` is `cursor`, `page`, `link` or `body-link`; `token` is demanded when it is set.
    """

    style: str = "cursor"
    token: str | None = None
    scheme: str = "Bearer"
    fault: Fault = lambda _: None
    things: list[tuple[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    tokens_given: int = 0
    retry_after: str = "0"
    page: int = PAGE

    def add(self, at: str, record: str) -> None:
        """Let a record exist, as JSON text, from the instant `at`."""
        self.things.append((at, record))

    @property
    def app(self) -> Any:
        routes = [
            Route("/v1/things", self.tell),
            Route("/v1/oauth/token", self.trade, methods=["POST"]),
        ]
        return _Rude(Starlette(routes=routes))

    async def trade(self, request: Request) -> Response:
        """Give a token for the client's credentials."""
        form = await request.body()
        if request.headers.get("authorization") != "Basic d2F0ZXI6c2VzYW1l":
            return JSONResponse({"error": "invalid_client"}, 401)
        assert form == b"grant_type=client_credentials&scope=read"
        self.tokens_given += 1
        self.token = f"traded-{self.tokens_given}"
        return JSONResponse({"access_token": self.token, "expires_in": 3600})

    async def tell(self, request: Request) -> Response:
        """Answer one page."""
        self.times.append(time.monotonic())
        asked = dict(request.query_params)
        self.asked.append(asked)
        fault = self.fault(len(self.times))
        if self.token and request.headers.get("authorization") != f"{self.scheme} {self.token}":
            return JSONResponse({"error": "who are you"}, 401)
        if fault:
            self.faults[fault] += 1
        if fault in ("429", "503", "500", "502", "404", "302", "403"):
            late = {"Retry-After": self.retry_after} if fault in ("429", "503") else {}
            return JSONResponse({"error": fault}, int(fault), {"Location": "/", **late})
        return self._page(request, asked, fault)

    def _page(self, request: Request, asked: dict[str, str], fault: str | None) -> Response:
        chosen = [r for at, r in sorted(self.things) if asked["since"] <= at < asked["until"]]
        number = int(asked.get("cursor") or asked.get("page") or 1)
        shown = number - 1 if fault == "duplicate" and number > 1 else number
        part = chosen[(shown - 1) * self.page : shown * self.page]
        more = number * self.page < len(chosen)
        total = len(chosen) + (1 if fault == "total" else 0)
        following: str | None = str(number + 1) if more else None
        if fault == "loop":
            following = str(number)
        link = None
        if following and "link" in self.style:
            link = str(request.url.include_query_params(cursor=following))
            link = link.replace("127.0.0.1", "evil.example") if fault == "foreign" else link
        meta = {"total": total, "next": link if self.style == "body-link" else following}
        items = "null" if fault == "nothing" else f"[{', '.join(part)}]"
        body = f'{{"data": {{"items": {items}}}, "meta": {json.dumps(meta)}}}'.encode()
        headers = {"Link": f'<{link}>; rel="next"'} if link and self.style == "link" else {}
        if fault == "cut":
            body = body[: len(body) // 2]
        if fault in ("reset", "short", "stall"):
            headers["X-Rude"] = fault
        return Response(body, 200, headers, "application/json")


class _Rude:
    """Break the connection where the application asks for it in a header."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        way: list[str] = []

        async def rudely(message: Any) -> None:
            if message["type"] == "http.response.start":
                ways = {k: v.decode() for k, v in message["headers"] if k == b"x-rude"}
                way.extend(ways.values())
                if "reset" in way:
                    receive.__self__.transport.abort()
                    return
            elif "short" in way:
                body = message["body"]
                await send({**message, "body": body[: len(body) // 2], "more_body": True})
                await asyncio.sleep(0.01)
                receive.__self__.transport.abort()
                return
            if "reset" not in way:
                await send(message)

        await self.app(scope, receive, rudely)
