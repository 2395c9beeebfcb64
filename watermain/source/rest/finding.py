"""What is found at the end of a connection to a REST service."""

from __future__ import annotations

import httpx

from watermain.declare.connection.web import RestConnection
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.source.outside import Outside
from watermain.source.rest.rest_client import Bounds
from watermain.source.web import timeout, trusted

_BROKEN = 500


def found(word: RestConnection, outside: Outside) -> str:
    """Ask for the address itself, without a credential: any answer shows that somebody is there."""
    address, plain = outside.address(word.name)(), Bounds()
    waits = timeout(word, plain.connect_seconds, plain.silent_seconds)
    try:
        with httpx.stream(
            "GET", address, timeout=waits, trust_env=False, verify=trusted(word.tls)
        ) as answer:
            status = answer.status_code
    except httpx.HTTPError as error:
        status, why = _BROKEN, type(error).__name__
    except OSError as error:
        raise SourceError(
            f"`{word.name}` cannot be used: its TLS files cannot be read: {error}",
            declared=word.declared,
            data="nothing was read",
            next="mend `tls`",
        ) from None
    else:
        why = f"it answers {status}"
    if status >= _BROKEN:
        raise UnreachableSystemError(
            f"`{word.name}` gives no answer: {why}",
            declared=word.declared,
            data="nothing was read",
            next="see whether the service runs, and whether its address is right",
        )
    return f"{httpx.URL(address).host} answers {status}"
