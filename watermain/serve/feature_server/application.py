"""The application that answers for features."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from watermain.declare.errors import UnreachableSystemError
from watermain.serve.feature_server.asking import JSON, Asking
from watermain.serve.feature_server.consumers import Doorkeeper
from watermain.serve.feature_server.openapi import specification
from watermain.serve.feature_server.problem import RefusedRequestError, broken, problem
from watermain.serve.feature_server.reader import silent

HEALTH_PATIENCE = timedelta(seconds=1)
QUESTIONS = ("POST", "/v1/features")
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def application(asking: Asking) -> ASGIApp:
    """Build the application, which closes the reader when it ends."""
    rest = _rest(asking)

    async def whole(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["method"], scope["path"]) == QUESTIONS:
            await asking(scope, receive, send)
        else:
            await rest(scope, receive, send)

    return whole


def _rest(asking: Asking) -> Starlette:
    """Build what answers everything but questions."""
    catalog, door = asking.catalog, asking.door
    specified = specification(catalog, has_keys=door is not None)
    facts = orjson.dumps(catalog.facts())

    async def openapi(_: Request) -> Response:
        return Response(specified, media_type=JSON)

    async def listing(request: Request) -> Response:
        return _refusal(door, request, counted=True) or Response(facts, media_type=JSON)

    async def metrics(request: Request) -> Response:
        refusal = _refusal(door, request, counted=False)
        return refusal or Response(asking.figures.page(), media_type=PROMETHEUS)

    async def health(_: Request) -> Response:
        return await _health(asking)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await asking.reader.close()

    app = Starlette(
        routes=[
            Route("/v1/features", listing, methods=["GET", "POST"]),  # POST is a question
            Route("/healthz", health, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            Route("/openapi.json", openapi, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _not_routed, 500: _broken},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


async def _health(asking: Asking) -> Response:
    """Say soon whether the store answers."""
    name = next(iter(asking.catalog.tables))
    try:
        async with asyncio.timeout(HEALTH_PATIENCE.total_seconds()):
            await asking.reader.read([(str(name), [b"[]"])])
    except TimeoutError:
        return problem(silent(f"after {HEALTH_PATIENCE.total_seconds():g} s"))
    except UnreachableSystemError as error:
        return problem(error)
    return Response(b'{"status":"ok"}', media_type=JSON)


def _refusal(door: Doorkeeper | None, request: Request, *, counted: bool) -> Response | None:
    """What is said to who may not ask."""
    try:
        if door is not None:
            door.admit(request.headers.get("authorization"), counted=counted)
    except RefusedRequestError as error:
        return problem(error)
    return None


async def _not_routed(_: Request, error: Exception) -> Response:
    """Answer for a path or a method that does not exist."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return problem(
        RefusedRequestError(
            status, status.description, next="GET /openapi.json", headers=error.headers
        )
    )


async def _broken(_: Request, error: Exception) -> Response:
    return broken(error)
