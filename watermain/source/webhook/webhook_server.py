"""The HTTP endpoint to which others send events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, WatermainError
from watermain.declare.outside.web import Webhook
from watermain.record.tally import NOBODY, Denial
from watermain.source.connected import prove_connections
from watermain.source.outside import Outside
from watermain.source.webhook.webhook import inbox_folder
from watermain.source.webhook.webhook_inbox import FULL, TOO_LARGE, Inbox, Reply, unavailable

BODY_SECONDS = 30.0
MOST_BODIES = 256
UNPROVED = "no signature of the event is made with a secret of its webhook"
SLOW = Reply(408, "the event took too long to arrive", {})

Open = Callable[[], Inbox]


def endpoint(
    datasets: Iterable[Dataset],
    outside: Outside,
    denied: Callable[[Denial], None] = lambda _: None,
) -> Starlette:
    """Build the application that takes the events of these datasets.

    Shapes: `denied` counts events whose signature is none.
    Raises: InvalidDeclarationError, when two of them share a path.
    """
    opens: dict[str, Open] = {}
    secrets = outside.secrets()
    for dataset in datasets:
        word = dataset.source
        if not isinstance(word, Webhook):
            continue
        if word.path in opens:
            raise InvalidDeclarationError(
                f"{dataset.name}: another webhook has the path {word.path}",
                declared=dataset.declared,
                data="nothing was started",
                next="give one of them another path",
            )
        folder = inbox_folder(outside.settings, str(dataset.name))
        if word.connection:
            prove_connections(dataset, outside.connections)
            word = outside.word(word.connection).applied(word)
        unsigned = partial(denied, Denial("signature", NOBODY, UNPROVED, str(dataset.name)))
        opens[word.path] = partial(Inbox, word, folder, secrets, denied=unsigned)
    return application(opens)


def application(opens: dict[str, Open]) -> Starlette:
    """Build the application over inboxes, which are opened when it starts."""
    doors = {path: _Door() for path in opens}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for path, door in doors.items():
                door.inbox = opens[path]()
                stack.callback(door.inbox.close)
                await stack.enter_async_context(_committing(door.inbox))
            yield

    routes = [Route(path, door.answer, methods=["POST"]) for path, door in doors.items()]
    return Starlette(routes=routes, lifespan=lifespan)


@asynccontextmanager
async def _committing(inbox: Inbox) -> AsyncIterator[None]:
    task = asyncio.create_task(inbox.commit())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _Door:
    """One path and the bodies that are arriving at it."""

    inbox: Inbox

    def __init__(self) -> None:
        self._arriving = 0

    async def answer(self, request: Request) -> JSONResponse:
        """Answer one delivery."""
        if self._arriving >= MOST_BODIES or self.inbox.pressed():
            return _json(FULL)
        self._arriving += 1
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(request, self.inbox.word.max_bytes)
            reply = TOO_LARGE if body is None else await self.inbox.take(request.headers, body)
        except TimeoutError:
            reply = SLOW
        except ClientDisconnect:
            reply = SLOW
        except WatermainError as error:
            reply = unavailable(error)
        finally:
            self._arriving -= 1
        return _json(reply)


async def _body(request: Request, most: int) -> bytes | None:
    """Read the body; None when it is larger than `most` bytes."""
    told = request.headers.get("content-length", "0")
    if not told.isdigit() or int(told) > most:
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    return b"".join(parts)


def _json(reply: Reply) -> JSONResponse:
    return JSONResponse({"status": reply.reason}, reply.status, dict(reply.headers))
