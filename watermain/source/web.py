"""What everybody who asks over HTTP says: who we are, whom we trust, how long it may take."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Protocol

import httpx
from pydantic import SecretStr

from watermain.declare.connection.connection import Tls
from watermain.declare.outside.web import Basic, Bearer
from watermain.secrets import Secrets


class Waits(Protocol):
    """The limits of a connection."""

    @property
    def connect_within(self) -> timedelta | None: ...

    @property
    def silent_within(self) -> timedelta | None: ...


def trusted(tls: Tls | None) -> ssl.SSLContext:
    """Whom we trust, and what proves us. Raises: OSError, for a file that cannot be read."""
    if tls is None or not tls.files:
        return _everybody()
    context = ssl.create_default_context(cafile=tls.authorities or None)
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key)
    return context


def timeout(waits: Waits | None, connect: float, silent: float) -> httpx.Timeout:
    """How long one answer may take; `connect` and `silent` where the connection says nothing."""
    return httpx.Timeout(
        seconds(waits.silent_within if waits else None, silent),
        connect=seconds(waits.connect_within if waits else None, connect),
    )


def seconds(wait: timedelta | None, otherwise: float) -> float:
    """The seconds of a declared limit or those of the kind."""
    return otherwise if wait is None else wait.total_seconds()


def shown(auth: Bearer | Basic, secrets: Secrets) -> Mapping[str, str]:
    """The header of a token, or of a user and a password."""
    if isinstance(auth, Bearer):
        return {"Authorization": f"Bearer {secrets.read(auth.token).get_secret_value()}"}
    return basic(auth.user, secrets.read(auth.password))


def basic(user: str, password: SecretStr) -> Mapping[str, str]:
    """The header of basic authentication."""
    text = base64.b64encode(f"{user}:{password.get_secret_value()}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


@cache
def _everybody() -> ssl.SSLContext:
    """The authorities that the machine trusts; reading them takes long and so is done once."""
    return httpx.create_ssl_context(trust_env=False)
