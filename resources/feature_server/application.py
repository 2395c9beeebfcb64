"""The application that answers for features."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from platform_assets.declare.errors import UnreachableSystemError, WatermainError
from resources.clock import Clock
from resources.feature_server import arrow_answer
from resources.feature_server.answer import Found, json_answer, judged
from resources.feature_server.catalog import Catalog
from resources.feature_server.consumers import Doorkeeper
from resources.feature_server.figures import Figures
from resources.feature_server.openapi import specification
from resources.feature_server.problem import MEDIA_TYPE, RefusedRequestError, body, problem
from resources.feature_server.question import MOST_BYTES, Question, read_question, too_large
from resources.feature_server.reader import Reader, silent

BODY_PATIENCE = timedelta(seconds=10)
HEALTH_PATIENCE = timedelta(seconds=1)
MOST_AT_ONCE = 512
JSON = "application/json"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
NOBODY = "nobody"


@dataclass
class FeatureServer:
    """Answer questions out of an online store.

    Shapes: without a `door` everybody may ask.
    Guarantees: no more than MOST_AT_ONCE questions are in memory at once.
    """

    catalog: Catalog
    reader: Reader
    door: Doorkeeper | None = None
    clock: Clock = field(default_factory=Clock)
    figures: Figures = field(default_factory=Figures)
    at_once: int = 0

    def application(self) -> Starlette:
        """Build the application; it closes the reader when it ends."""
        specified = specification(self.catalog, has_keys=self.door is not None)
        facts = orjson.dumps(self.catalog.facts())

        async def openapi(_: Request) -> Response:
            return Response(specified, media_type=JSON)

        async def listing(request: Request) -> Response:
            return self._admitted(request) or Response(facts, media_type=JSON)

        async def metrics(request: Request) -> Response:
            refusal = self._admitted(request, counted=False)
            return refusal or Response(self.figures.page(), media_type=PROMETHEUS)

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            yield
            await self.reader.close()

        app = Starlette(
            routes=[
                Route("/v1/features", self.ask, methods=["POST"]),
                Route("/v1/features", listing, methods=["GET"]),
                Route("/healthz", self.health, methods=["GET"]),
                Route("/metrics", metrics, methods=["GET"]),
                Route("/openapi.json", openapi, methods=["GET"]),
            ],
            exception_handlers={HTTPException: _not_routed, 500: _broken},
            lifespan=lifespan,
        )
        app.router.redirect_slashes = False
        return app

    async def ask(self, request: Request) -> Response:
        """Answer one question."""
        began, who = time.perf_counter(), NOBODY
        self.at_once += 1
        try:
            if self.at_once > MOST_AT_ONCE:
                raise silent(f"{MOST_AT_ONCE} questions are being answered")
            who = self._admit(request)
            response = await self._answer(request)
        except WatermainError as error:
            response = problem(error)
        finally:
            self.at_once -= 1
        self.figures.answered(who, response.status_code, time.perf_counter() - began)
        return response

    async def _answer(self, request: Request) -> Response:
        question = read_question(await _body(request), self.catalog)
        rows = await self.reader.read(question.wanted())
        now_us = int(self.clock.now().timestamp() * 1e6)
        parts, each = question.plan.parts, question.rows
        found = [
            judged(part, rows[n * each : (n + 1) * each], now_us) for n, part in enumerate(parts)
        ]
        for one in found:
            self.figures.found(one, now_us)
        return _written(request, question, found)

    async def health(self, _: Request) -> Response:
        """Say whether the store answers, soon."""
        name = next(iter(self.catalog.tables))
        try:
            async with asyncio.timeout(HEALTH_PATIENCE.total_seconds()):
                await self.reader.read([(str(name), b"[]")])
        except TimeoutError:
            return problem(silent(f"after {HEALTH_PATIENCE.total_seconds():g} s"))
        except UnreachableSystemError as error:
            return problem(error)
        return Response(b'{"status":"ok"}', media_type=JSON)

    def _admit(self, request: Request, *, counted: bool = True) -> str:
        if self.door is None:
            return NOBODY
        return self.door.admit(request.headers.get("authorization"), counted=counted)

    def _admitted(self, request: Request, *, counted: bool = True) -> Response | None:
        """Give the refusal of who may not ask."""
        try:
            self._admit(request, counted=counted)
        except RefusedRequestError as error:
            return problem(error)
        return None


def _written(request: Request, question: Question, found: list[Found]) -> Response:
    """Write the answer in the form that is asked for."""
    if arrow_answer.MEDIA_TYPE in request.headers.get("accept", ""):
        written = arrow_answer.arrow_answer(question, found)
        return Response(written, media_type=arrow_answer.MEDIA_TYPE)
    return Response(json_answer(found), media_type=JSON)


async def _body(request: Request) -> bytes:
    """Read the body.

    Raises: RefusedRequestError: 415 for no JSON, 413 when it is too long, 408 when too slow.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise RefusedRequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body is not declared as JSON",
            next=f"send `Content-Type: {JSON}`",
        )
    told = request.headers.get("content-length", "0")
    if told.isdigit() and int(told) > MOST_BYTES:
        raise too_large(f"{int(told):,} bytes")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_PATIENCE.total_seconds()):
            async for part in request.stream():
                size += len(part)
                if size > MOST_BYTES:
                    raise too_large(f"more than {MOST_BYTES:,} bytes")
                parts.append(part)
    except (TimeoutError, ClientDisconnect):
        raise RefusedRequestError(
            HTTPStatus.REQUEST_TIMEOUT,
            f"the body did not arrive within {BODY_PATIENCE.total_seconds():g} s",
            next="send it again at once",
        ) from None
    return b"".join(parts)


async def _not_routed(_: Request, error: Exception) -> Response:
    """Answer for a path, a method that there is not."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return problem(
        RefusedRequestError(
            status, status.description, next="GET /openapi.json", headers=error.headers
        )
    )


async def _broken(_: Request, error: Exception) -> Response:
    """Answer for a fault of ours, which the log tells."""
    told = WatermainError(
        "the server met an error of its own",
        declared=type(error).__name__,
        data="nothing was answered",
        next="look into the server's log",
    )
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    # The server closes the connection after an error that it did not expect.
    return Response(body(status, told), status, {"connection": "close"}, MEDIA_TYPE)
