"""The connection to an SFTP server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from watermain.declare.connection.connection import SECOND, Connection, is_reference, plain


@dataclass(frozen=True, kw_only=True)
class SftpConnection(Connection):
    """Reach a folder of an SFTP server: `sftp://host:port/folder`.

    `known_hosts` is a reference to lines as ssh keeps them: a host whose key is not among them is
    refused. `user` shows a `password` or a private `key` without a passphrase, by reference.
    """

    user: str
    known_hosts: str
    address: str = ""
    password: str = ""
    key: str = ""
    connect_within: timedelta | None = None
    silent_within: timedelta | None = None
    kind: ClassVar[str] = "sftp"
    extra: ClassVar[str] = "sftp"

    def check(self) -> None:
        self.refuse_waits(connect_within=SECOND, silent_within=SECOND)
        for option in ("known_hosts", "password", "key"):
            self.refuse_reference(option, getattr(self, option))
        if not self.known_hosts:
            self.refuse("no host would be known", "name `known_hosts`, such as `file:/etc/ssh/...`")
        if not self.user:
            self.refuse("it names no user", "name the `user`")
        if bool(self.password) is bool(self.key):
            self.refuse("it is one of a password and a key", "name `password` or `key`")
        if self.address and not is_reference(self.address):
            self.proved(self.address)

    def proved(self, address: str) -> None:
        parts = urlsplit(plain(address))
        if parts.scheme != "sftp" or not parts.hostname:
            self.refuse("its address is none of SFTP", "write `sftp://host:port/folder`")
        if "@" in parts.netloc or parts.query or parts.fragment:
            self.refuse("its address holds more than a place", "name `user` and `password` apart")
        try:
            _ = parts.port
        except ValueError:
            self.refuse("its address has a wrong port", "write `sftp://host:port/folder`")
