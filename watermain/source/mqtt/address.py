"""The address of an MQTT broker, as one text that holds all there is to say."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from watermain.declare.connection.broker import MqttConnection
from watermain.declare.connection.connection import Tls
from watermain.declare.errors import InvalidDeclarationError, SourceError

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_FILES = ("authorities", "certificate", "key")
_WAITS = ("connect", "silent")


@dataclass(frozen=True, kw_only=True)
class BrokerReach:
    """Say where a broker is, who we are there, and how long we wait for it."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    connect_seconds: float = CONNECT_SECONDS
    silent_seconds: float = ANSWER_SECONDS

    def trusted(self) -> ssl.SSLContext:
        """What the encryption trusts, proved by shaking hands once.

        The client leaves its socket open when it is the one that fails at it.
        Raises: OSError, for a file that cannot be read or a host that is not reached or not proved.
        """
        context = self._context()
        where = (self.host, self.port)
        with (
            socket.create_connection(where, self.connect_seconds) as plain,
            context.wrap_socket(plain, server_hostname=self.host),
        ):
            return context

    def _context(self) -> ssl.SSLContext:
        files = {} if self.tls is None else self.tls.files
        context = ssl.create_default_context(cafile=files.get("authorities"))
        if "certificate" in files:
            context.load_cert_chain(files["certificate"], files["key"])
        return context


def composed(address: str, word: MqttConnection, secret: Callable[[str], str]) -> str:
    """Write the options into the address. Raises: InvalidDeclarationError."""
    parts = urlsplit(address)
    user = (parts.username, parts.password)
    if word.user and user[0] not in (None, quote(word.user, safe="")):
        word.refuse("its address names another user", "leave one of them out")
    place = parts.netloc.rpartition("@")[2]
    shown = [quote(word.user, safe="")] if word.user else [user[0]] if user[0] else []
    if word.password:
        shown.append(quote(secret(word.password), safe=""))
    elif user[1]:
        shown.append(user[1])
    wanted = {} if word.tls is None else dict(word.tls.files)
    for name, wait in zip(_WAITS, (word.connect_within, word.silent_within), strict=True):
        if wait is not None:
            wanted[name] = str(wait.total_seconds())
    place = f"{':'.join(shown)}@{place}" if shown else place
    return urlunsplit((parts.scheme, place, "", urlencode(wanted), ""))


def parsed(address: str, declared: str) -> BrokerReach:
    """Split `mqtt://user:password@host:port`; `mqtts` is encrypted. Raises: SourceError."""
    parts = urlsplit(address)
    try:
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        tls = Tls(**{name: options.pop(name) for name in _FILES if name in options})
        waits = {f"{name}_seconds": float(options.pop(name)) for name in _WAITS if name in options}
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except (ValueError, InvalidDeclarationError):
        port = 0
    if parts.scheme not in _PORTS or not parts.hostname or port == 0 or options:
        raise SourceError(
            "the address of the MQTT broker is not understood",
            declared=declared,
            data="nothing was read",
            next="write `mqtt://host:port` or `mqtts://user:password@host:port`",
        )
    return BrokerReach(
        host=parts.hostname,
        port=port,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        tls=tls if parts.scheme == "mqtts" else None,
        **waits,
    )
