"""The address of an SFTP server, with all that its connection declares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from watermain.declare.connection.sftp import SftpConnection

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 30.0
_PORT = 22


@dataclass(frozen=True, kw_only=True)
class Host:
    """Say where a server is, by what it is known, who we are there, and how long we wait for it."""

    name: str
    port: int
    folder: str
    user: str
    known_hosts: str = field(repr=False)
    password: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    connect_seconds: float = CONNECT_SECONDS
    silent_seconds: float = SILENT_SECONDS


def composed(address: str, word: SftpConnection, secret: Callable[[str], str]) -> str:
    """Write the options behind the place, with secrets filled in."""
    wanted = {"user": word.user, "known_hosts": secret(word.known_hosts)}
    if word.password:
        wanted["password"] = secret(word.password)
    if word.key:
        wanted["key"] = secret(word.key) + "\n"
    waits = (("connect_seconds", word.connect_within), ("silent_seconds", word.silent_within))
    for name, wait in waits:
        if wait is not None:
            wanted[name] = str(wait.total_seconds())
    return f"{address}?{urlencode(wanted, quote_via=quote)}"


def parsed(address: str) -> Host:
    """Read what `composed` wrote."""
    parts = urlsplit(address)
    told = dict(parse_qsl(parts.query))
    waits = {n: float(told.pop(n)) for n in ("connect_seconds", "silent_seconds") if n in told}
    return Host(
        name=parts.hostname or "",
        port=parts.port or _PORT,
        folder=unquote(parts.path) or "/",
        user=told["user"],
        known_hosts=told["known_hosts"],
        password=told.get("password"),
        key=told.get("key"),
        **waits,
    )
