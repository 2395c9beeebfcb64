"""What the feature server says when it does not answer: problem details with our four parts."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from starlette.responses import Response

from watermain.declare.errors import TerminalError, TransientError, WatermainError

MEDIA_TYPE = "application/problem+json"
MOST_TEXT = 1000
RETRY_SECONDS = 1
UNCHANGED = "nothing was read"


class RefusedRequestError(TerminalError):
    """Refuse a request with a status of HTTP."""

    def __init__(
        self,
        status: HTTPStatus,
        what: str,
        *,
        declared: str = "GET /openapi.json",
        next: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.headers = status, dict(headers or {})
        super().__init__(what, declared=declared, data=UNCHANGED, next=next)


def unprocessable(what: str, next: str, declared: str = "GET /v1/features") -> RefusedRequestError:
    """Refuse well-formed JSON that asks for what there is not."""
    return RefusedRequestError(HTTPStatus.UNPROCESSABLE_ENTITY, what, declared=declared, next=next)


def problem(error: WatermainError) -> Response:
    """Answer with an error of ours.

    Shapes: problem details of RFC 9457, where `detail` is what happened; `declared`, `data` and
    `next` follow.
    """
    headers: dict[str, str] = {}
    if isinstance(error, RefusedRequestError):
        status, headers = error.status, error.headers
    elif isinstance(error, TransientError):
        status, headers = HTTPStatus.SERVICE_UNAVAILABLE, {"retry-after": str(RETRY_SECONDS)}
    else:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return Response(_body(status, error), status, headers, MEDIA_TYPE)


def broken(error: BaseException) -> Response:
    """Answer for a fault of ours, which the log tells; it ends the connection."""
    told = WatermainError(
        "the server met an error of its own",
        declared=type(error).__name__,
        data="nothing was answered",
        next="look into the server's log",
    )
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return Response(_body(status, told), status, {"connection": "close"}, MEDIA_TYPE)


def _body(status: HTTPStatus, error: WatermainError) -> bytes:
    """Write an error as problem details."""
    return orjson.dumps(
        {
            "type": "about:blank",
            "title": status.phrase,
            "status": int(status),
            "detail": shown(error.what),
            "declared": error.declared,
            "data": error.data,
            "next": shown(error.next),
        }
    )


def shown(text: object) -> str:
    """Cut what somebody sent down to what a line of a message may hold."""
    whole = str(text)
    whole = whole if whole.isprintable() else ascii(whole)
    return whole if len(whole) <= MOST_TEXT else f"{whole[:MOST_TEXT]}..."
