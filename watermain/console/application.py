"""The console's pages behind their addresses."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from watermain.console.page.dataset import dataset
from watermain.console.page.datasets import Wish, datasets
from watermain.console.page.debug import debug
from watermain.console.page.executive import executive
from watermain.console.page.oncall import oncall
from watermain.console.sight import Sight
from watermain.console.wording import FILTERS, MARKS, VERDICTS, ago
from watermain.declare.errors import InvalidDeclarationError, WatermainError
from watermain.declare.name import DatasetName

STATIC = Path(__file__).parent / "static"
MOST_LETTERS = 200  # of what is taken from an address
UNAVAILABLE, NOT_FOUND, FAILED = 503, 404, 500
# Everything comes from here, nothing of it is written into a page, and no other site frames it.
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
SAID = {
    400: ("This address is not understood", "Go back to the list of datasets."),
    NOT_FOUND: ("There is no such page", "See the list of datasets for what there is."),
    405: ("This page can only be read", "The console changes nothing; use the commands."),
    FAILED: ("The console made a mistake", "Its log says why: logs/console.log."),
}


def application(sight: Sight) -> Starlette:
    """The application; whoever serves it puts a door before it.

    Guarantees: it answers to reading alone, and every page is made anew from what is known.
    """
    pages = ConsolePages(sight)
    routes = [
        Route("/", pages.executive),
        Route("/on-call", pages.oncall),
        Route("/debug", pages.debug),
        Route("/datasets", pages.datasets),
        Route("/datasets/{name}", pages.dataset),
        Route("/health", lambda _: JSONResponse({"pid": os.getpid()})),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    handlers: dict[Any, Callable[[Request, Any], Response]] = {
        HTTPException: pages.refused,
        WatermainError: pages.troubled,
        Exception: pages.failed,
    }
    return Starlette(
        routes=routes, exception_handlers=handlers, middleware=[Middleware(WithHeaders)]
    )


class WithHeaders:
    """Add to each answer what a browser may do with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = [(k.encode(), v.encode()) for k, v in HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
            await send(message)

        await self._app(scope, receive, with_headers)


class ConsolePages:
    """Make pages out of what is seen."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self._templates = Environment(
            loader=PackageLoader("watermain.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(FILTERS)
        known = {"asset": sight.asset, "run": sight.run, "file": sight.file, "away": sight.away}
        words = {"MARKS": MARKS, "VERDICTS": VERDICTS, "dagster": sight.dagster}
        self._templates.globals.update(**known, **words)

    def executive(self, _: Request) -> Response:
        """Whether the data can be relied on."""
        return self._page("executive", executive(self._sight))

    def oncall(self, _: Request) -> Response:
        """What is wrong now."""
        return self._page("oncall", oncall(self._sight))

    def debug(self, request: Request) -> Response:
        """What exactly went wrong."""
        given = _word(request, "dataset")
        if not given:
            return self._found("debug", debug(self._sight, None))
        return self._found("debug", debug(self._sight, _named(given)), given)

    def datasets(self, request: Request) -> Response:
        """All datasets."""
        page = _word(request, "page") or "1"
        wish = Wish(
            room=_word(request, "room"),
            state=_word(request, "state"),
            word=_word(request, "word"),
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )
        if wish.word in self._sight.standings().lines:
            return RedirectResponse(f"/datasets/{wish.word}", 303)
        return self._page("datasets", datasets(self._sight, wish))

    def dataset(self, request: Request) -> Response:
        """One dataset."""
        given = request.path_params["name"][:MOST_LETTERS]
        return self._found("dataset", dataset(self._sight, _named(given)), given)

    def refused(self, request: Request, error: HTTPException) -> Response:
        """A page that is not there, or that cannot be asked for like that."""
        title, then = SAID.get(error.status_code, SAID[400])
        return self._said(error.status_code, title, "", then, dict(error.headers or {}))

    def troubled(self, _: Request, error: WatermainError) -> Response:
        """What the platform cannot say now."""
        then = f"Next: {error.next}"
        return self._said(UNAVAILABLE, "The books cannot be read now", error.what, then)

    def failed(self, _: Request, error: Exception) -> Response:
        """A mistake of ours, whose trace stands in the log."""
        title, then = SAID[FAILED]
        return self._said(FAILED, title, f"{type(error).__name__} at this page.", then, HEADERS)

    def _found(self, template: str, context: dict[str, Any] | None, given: str = "") -> Response:
        if context is None:
            what = f"No room of this project has told of a dataset {given}."
            return self._said(NOT_FOUND, "There is no such dataset", what, SAID[NOT_FOUND][1])
        return self._page(template, context)

    def _said(
        self, status: int, title: str, what: str, then: str, headers: dict[str, str] | None = None
    ) -> Response:
        context = {"title": title, "what": what, "then": then}
        return self._page("said", context, status, headers)

    def _page(
        self,
        template: str,
        context: dict[str, Any],
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        now = self._sight.clock.now()
        text = self._templates.get_template(f"{template}.html").render(
            **context, now=now, here=template, ago=lambda moment: ago(moment, now)
        )
        return HTMLResponse(text, status, {"cache-control": "no-store", **(headers or {})})


def _named(given: str) -> DatasetName:
    """The dataset that an address names. Raises: HTTPException."""
    try:
        return DatasetName.parse(given)
    except InvalidDeclarationError as error:
        raise HTTPException(NOT_FOUND) from error


def _word(request: Request, name: str) -> str:
    """What an address gives for a name, cut where it is long; empty for nothing."""
    return request.query_params.get(name, "").strip()[:MOST_LETTERS]
