"""The connections that speak HTTP."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from watermain.declare.connection.connection import SECOND, Connection, Tls, is_reference, plain
from watermain.declare.errors import quoted
from watermain.declare.outside.web import Basic, Bearer, OAuth2, Rest, Webhook

_SCHEMES = ("http", "https")


@dataclass(frozen=True, kw_only=True)
class _WebConnection(Connection):
    """What is reached at an address of HTTP."""

    address: str = ""
    tls: Tls | None = None
    connect_within: timedelta | None = None
    silent_within: timedelta | None = None

    def check(self) -> None:
        self.refuse_waits(connect_within=SECOND, silent_within=SECOND)
        if self.address and not is_reference(self.address):
            self.proved(self.address)

    def proved(self, address: str) -> None:
        parts = urlsplit(plain(address))
        if parts.scheme not in _SCHEMES or not parts.hostname:
            self.refuse("its address is none of HTTP", f"use one of {quoted(_SCHEMES)}")
        if "@" in parts.netloc or parts.query:
            self.refuse("its address holds more than a place", "secrets belong into `auth`")
        if self.tls is not None and parts.scheme != "https":
            self.refuse("`tls` goes with an encrypted address", "write `https://host`")


@dataclass(frozen=True, kw_only=True)
class RestConnection(_WebConnection):
    """Reach a REST service: `https://host/path`, with `auth` shown at each request.

    A source that has an `auth` of its own may not use a connection that has one.
    """

    auth: Bearer | Basic | OAuth2 | None = None
    kind: ClassVar[str] = "rest"

    def applied(self, word: Rest) -> Rest:
        """The source's word, and what the connection says for it."""
        if self.auth is None:
            return word
        if word.auth is not None:
            self.refuse(
                f"the source at {word.path} has an `auth` of its own", "leave one of them out"
            )
        return replace(word, auth=self.auth)


@dataclass(frozen=True, kw_only=True)
class RegistryConnection(_WebConnection):
    """Reach a schema registry of Confluent's kind."""

    auth: Bearer | Basic | None = None
    kind: ClassVar[str] = "registry"
    extra: ClassVar[str] = "kafka"


@dataclass(frozen=True, kw_only=True)
class WebhookConnection(Connection):
    """Say how a sender of events signs them, for every webhook that takes its events.

    The options are those of the word `Webhook`; several secrets may be named while one is rotated.
    """

    secret: str | tuple[str, ...]
    scheme: str = "standard"
    signature: str = ""
    timestamp: str = ""
    idempotency: str = ""
    tolerance: timedelta = timedelta(minutes=5)
    kind: ClassVar[str] = "webhook"

    def check(self) -> None:
        self.refuse_waits(tolerance=SECOND)
        self.applied(Webhook(path="/", connection=self.name))

    def applied(self, word: Webhook) -> Webhook:
        """The source's word, and what the connection says for it."""
        return replace(
            word,
            connection="",
            secret=self.secret,
            scheme=self.scheme,  # type: ignore[arg-type]
            signature=self.signature,
            timestamp=self.timestamp,
            idempotency=self.idempotency,
            tolerance=self.tolerance,
        )
