"""The endpoint that answers questions for features."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import NamedTuple

from starlette.types import Message, Receive, Scope, Send

from watermain.clock import Clock
from watermain.declare.errors import WatermainError
from watermain.record.tally import NOBODY
from watermain.serve.feature_server import arrow_answer
from watermain.serve.feature_server.answer import Found, json_answer, judged
from watermain.serve.feature_server.catalog import Catalog
from watermain.serve.feature_server.consumers import Doorkeeper
from watermain.serve.feature_server.figures import Figures
from watermain.serve.feature_server.problem import RefusedRequestError, broken, problem
from watermain.serve.feature_server.question import MOST_BYTES, Question, read_question, too_large
from watermain.serve.feature_server.reader import Reader, silent

BODY_PATIENCE = timedelta(seconds=10)
MOST_AT_ONCE = 512
JSON = "application/json"
_JSON_NAME = JSON.encode()
_ARROW_NAME = arrow_answer.MEDIA_TYPE.encode()
_LATE = "the body is late"
Headers = Mapping[bytes, bytes]


class SentAnswer(NamedTuple):
    """An answer as it is sent."""

    body: bytes
    media_type: bytes


@dataclass
class Asking:
    """Answer questions out of an online store.

    It is an ASGI application of its own: what Starlette makes of each request and of each
    answer costs as much as the answer itself.
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
            self.figures.answered(who, HTTPStatus.OK, time.perf_counter() - began)
        except WatermainError as error:
            refusal = problem(error)
            self.figures.answered(who, refusal.status_code, time.perf_counter() - began)
            await refusal(scope, receive, send)
        except BaseException as error:
            await broken(error)(scope, receive, send)
            raise
        else:
            await send(_head(written))
            await send({"type": "http.response.body", "body": written.body})
        finally:
            self.at_once -= 1

    async def _answer(self, question: Question, headers: Headers) -> SentAnswer:
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


def _written(question: Question, found: list[Found], headers: Headers) -> SentAnswer:
    """Write the answer in the form that is asked for."""
    if _ARROW_NAME in headers.get(b"accept", b""):
        return SentAnswer(arrow_answer.arrow_answer(question, found), _ARROW_NAME)
    return SentAnswer(json_answer(found), _JSON_NAME)


def _head(written: SentAnswer) -> Message:
    length = str(len(written.body)).encode()
    headers = [(b"content-type", written.media_type), (b"content-length", length)]
    return {"type": "http.response.start", "status": 200, "headers": headers}


async def _body(headers: Headers, receive: Receive) -> bytes:
    """Read the body.

    Raises: RefusedRequestError: 415 for no JSON, 413 when it is too long, or 408 when too slow.
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
        return await _soon(receive)
    except TimeoutError:
        raise RefusedRequestError(
            HTTPStatus.REQUEST_TIMEOUT,
            f"the body did not arrive within {BODY_PATIENCE.total_seconds():g} s",
            next="send it again at once",
        ) from None


async def _soon(receive: Receive) -> bytes:
    """Read the body's parts as `asyncio.timeout` would, but for a third of what that costs.

    Raises: TimeoutError.
    """
    task = asyncio.current_task()
    assert task is not None
    end = asyncio.get_running_loop().call_later(BODY_PATIENCE.total_seconds(), task.cancel, _LATE)
    try:
        return await _parts(receive)
    except asyncio.CancelledError as error:
        if error.args != (_LATE,):
            raise
        task.uncancel()
        raise TimeoutError from None
    finally:
        end.cancel()


async def _parts(receive: Receive) -> bytes:
    """Read the body's parts until there are no more.

    Raises: RefusedRequestError, when they are too many; or TimeoutError, when the sender is gone.
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
