"""The endpoint that answers questions for features."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from platform_assets.declare.errors import WatermainError
from resources.clock import Clock
from resources.feature_server import arrow_answer
from resources.feature_server.answer import Found, json_answer, judged
from resources.feature_server.catalog import Catalog
from resources.feature_server.consumers import Doorkeeper
from resources.feature_server.figures import Figures
from resources.feature_server.problem import RefusedRequestError, problem
from resources.feature_server.question import MOST_BYTES, Question, read_question, too_large
from resources.feature_server.reader import Reader, silent

BODY_PATIENCE = timedelta(seconds=10)
MOST_AT_ONCE = 512
JSON = "application/json"
NOBODY = "nobody"
_JSON_NAME = JSON.encode()
_ARROW_NAME = arrow_answer.MEDIA_TYPE.encode()
Headers = Mapping[bytes, bytes]


@dataclass
class Asking:
    """Answer questions out of an online store.

    It is an ASGI application of its own: what Starlette makes for a function of each request, of
    each answer, costs as much as the answer itself.
    Shapes: without a `door` everybody may ask.
    Guarantees: no more than MOST_AT_ONCE questions are in memory at once.
    """

    catalog: Catalog
    reader: Reader
    door: Doorkeeper | None = None
    clock: Clock = field(default_factory=Clock)
    figures: Figures = field(default_factory=Figures)
    at_once: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, who = time.perf_counter(), NOBODY
        headers: Headers = dict(scope["headers"])
        self.at_once += 1
        try:
            if self.at_once > MOST_AT_ONCE:
                raise silent(f"{MOST_AT_ONCE} questions are being answered")
            if self.door is not None:
                who = self.door.admit(headers.get(b"authorization", b"").decode("latin-1"))
            question = read_question(await _body(headers, receive), self.catalog)
            written = await self._answer(question, headers)
        except WatermainError as error:
            refusal = problem(error)
            self.figures.answered(who, refusal.status_code, time.perf_counter() - began)
            await refusal(scope, receive, send)
        else:
            self.figures.answered(who, HTTPStatus.OK, time.perf_counter() - began)
            await written(scope, receive, send)
        finally:
            self.at_once -= 1

    async def _answer(self, question: Question, headers: Headers) -> Response:
        rows = await self.reader.read(question.wanted())
        now_us = self.clock.micros()
        parts, each = question.plan.parts, question.rows
        if len(parts) == 1:
            found = [judged(parts[0], rows, now_us)]
        else:
            found = [judged(p, rows.part(n * each, each), now_us) for n, p in enumerate(parts)]
        for one in found:
            self.figures.found(one, now_us)
        return _written(question, found, headers)


def _written(question: Question, found: list[Found], headers: Headers) -> Response:
    """Write the answer in the form that is asked for."""
    if _ARROW_NAME in headers.get(b"accept", b""):
        written = arrow_answer.arrow_answer(question, found)
        return Response(written, media_type=arrow_answer.MEDIA_TYPE)
    return Response(json_answer(found), media_type=JSON)


async def _body(headers: Headers, receive: Receive) -> bytes:
    """Read the body.

    Raises: RefusedRequestError: 415 for no JSON, 413 when it is too long, 408 when too slow.
    """
    if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != _JSON_NAME:
        raise RefusedRequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body is not declared as JSON",
            next=f"send `Content-Type: {JSON}`",
        )
    told = headers.get(b"content-length", b"0")
    if told.isdigit() and int(told) > MOST_BYTES:
        raise too_large(f"{int(told):,} bytes")
    try:
        async with asyncio.timeout(BODY_PATIENCE.total_seconds()):
            return await _parts(receive)
    except TimeoutError:
        raise RefusedRequestError(
            HTTPStatus.REQUEST_TIMEOUT,
            f"the body did not arrive within {BODY_PATIENCE.total_seconds():g} s",
            next="send it again at once",
        ) from None


async def _parts(receive: Receive) -> bytes:
    """Read the body's parts until there are no more.

    Raises: RefusedRequestError, when they are too many; TimeoutError, when the sender is gone.
    """
    whole = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise TimeoutError
        whole += message["body"]
        if len(whole) > MOST_BYTES:
            raise too_large(f"more than {MOST_BYTES:,} bytes")
        if not message["more_body"]:
            return whole
