"""Whom the web servers of the platform answer."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ANY = frozenset({"0.0.0.0", "::"})  # listened on, but the address of nobody
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MISDIRECTED, FORBIDDEN, WRONG_TYPE = 421, 403, 415
POLICY_VIOLATED = 1008  # what a refused websocket is closed with
GRAPHQL = "/graphql"
# No other site frames a page of ours to have it clicked, or takes it in.
ALONE = (
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", b"frame-ancestors 'self'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered."""

    status: int
    why: str


class HostDoor:
    """Answer only requests that name this server as their host.

    A page elsewhere whose name was made to lead here (DNS rebinding) sends its own name.
    Guarantees: the names are those of the loopback, the address that a connection came to, and
    those that the settings list; a request names one host, or none is believed. `denied` hears of
    each that is refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        names: Iterable[str] = (),
        denied: Callable[[Refusal], None] = lambda _: None,
    ) -> None:
        self._app, self._denied = app, denied
        self._names = LOOPBACK | {name.lower() for name in names} - ANY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self.refusal(scope)
        if refusal is None:
            await self._app(scope, receive, self.sending(send))
            return
        self._denied(refusal)
        if scope["type"] == "websocket":
            await receive()  # the question for the connection
            await send({"type": "websocket.close", "code": POLICY_VIOLATED, "reason": refusal.why})
        else:
            answer = PlainTextResponse(refusal.why + "\n", refusal.status)
            await answer(scope, receive, send)

    def refusal(self, scope: Scope) -> Refusal | None:
        """Why a request is not answered; None when it is."""
        told = values(scope, b"host")
        name = host_of(told[0]) if len(told) == 1 else None
        own = {*self._names, *_address(scope)}
        if name is None or name not in own:
            shown = ascii(" ".join(told)[:100])
            return Refusal(
                MISDIRECTED,
                f"this server does not answer to the host {shown}; WATERMAIN_HOSTS lists its names",
            )
        return None

    def sending(self, send: Send) -> Send:
        """What answers go through."""
        return send


class SiteDoor(HostDoor):
    """Let no other site change anything by way of a person's browser.

    Guarantees: beside what a host door does, whatever changes state is JSON by POST, from a page
    of this server or from no page; GraphQL is asked by such a POST alone; and no other site shows a
    page of this server within its own.
    """

    def refusal(self, scope: Scope) -> Refusal | None:
        """Why a request is not answered."""
        refusal = super().refusal(scope)
        if refusal is not None:
            return refusal
        changing = scope["type"] == "websocket" or scope["method"] not in SAFE
        if changing and not is_of_this_site(scope):
            return Refusal(FORBIDDEN, "another site may not ask for this")
        if scope["type"] == "websocket":
            return None
        if changing and (scope["method"] != "POST" or not is_json(scope)):
            return Refusal(WRONG_TYPE, "what changes something is sent by POST as application/json")
        if not changing and scope["path"].rstrip("/") == GRAPHQL and scope["query_string"]:
            return Refusal(FORBIDDEN, "GraphQL is asked by POST as application/json")
        return None

    def sending(self, send: Send) -> Send:
        """Add to each answer that other sites leave it alone."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *ALONE]}
            await send(message)

        return with_headers


def values(scope: Scope, header: bytes) -> list[str]:
    """Every value that a request gives for a header."""
    return [v.decode("latin-1").strip() for k, v in scope["headers"] if k.lower() == header]


def host_of(told: str) -> str | None:
    """The name or address in a host header, without its port; None where there is none."""
    name, colon, port = told.rpartition(":")
    if told.endswith("]") or not colon:
        name, port = told, ""
    if port and not (port.isascii() and port.isdigit()):
        return None
    name = name.lower()
    if name.startswith("[") and name.endswith("]"):
        return name[1:-1] or None
    return name if name and not set(name) & set("[]:/@ \t,") else None


def is_of_this_site(scope: Scope) -> bool:
    """Whether a page of this server asks or no page at all."""
    sites, origins = values(scope, b"sec-fetch-site"), values(scope, b"origin")
    if any(site not in ("same-origin", "none") for site in sites):
        return False
    (host,) = values(scope, b"host")
    own = {f"{scheme}://{host}".lower() for scheme in ("http", "https")}
    return all(origin.lower() in own for origin in origins)


def is_json(scope: Scope) -> bool:
    """Whether a request says, once, that its body is JSON."""
    told = values(scope, b"content-type")
    return len(told) == 1 and told[0].partition(";")[0].strip().lower() == "application/json"


def _address(scope: Scope) -> Collection[str]:
    """The address that the connection came to."""
    server = scope.get("server")
    try:
        return [str(ipaddress.ip_address(server[0]))] if server else []
    except ValueError:
        return []  # a socket in the file system
