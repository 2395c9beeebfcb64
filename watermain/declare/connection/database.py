"""The connection to a PostgreSQL database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from watermain.declare.connection.connection import (
    SECOND,
    Connection,
    Tls,
    holds_plain,
    is_reference,
    plain,
)

_SCHEMES = ("postgresql", "postgres")
_PASSWORD = re.compile(r"\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S*)")
_PAIRS = re.compile(r"\s*(\w+\s*=\s*('(?:[^'\\]|\\.)*'|\S*)\s*)+")


@dataclass(frozen=True, kw_only=True)
class PostgresConnection(Connection):
    """Reach a PostgreSQL database: `postgresql://host:port/database`, or libpq's `host=...`.

    With `tls` the server's name is proved (`sslmode=verify-full`). A server that is silent for
    `silent_within` while it should acknowledge is given up.
    """

    address: str = ""
    user: str = ""
    password: str = ""
    tls: Tls | None = None
    connect_within: timedelta | None = None
    silent_within: timedelta | None = None
    kind: ClassVar[str] = "postgres"

    def check(self) -> None:
        self.refuse_reference("password", self.password)
        self.refuse_waits(connect_within=2 * SECOND, silent_within=SECOND)
        if self.address and not is_reference(self.address):
            self.proved(self.address)
            self._refuse_plain(self.address)

    def proved(self, address: str) -> None:
        if "://" in address:
            if urlsplit(plain(address)).scheme not in _SCHEMES:
                self.refuse("its address is none of PostgreSQL", _RIGHT)
        elif not _PAIRS.fullmatch(address):
            self.refuse("its address is no connection string", _RIGHT)

    def _refuse_plain(self, address: str) -> None:
        found = _PASSWORD.findall(address)
        if "://" in address:
            found.append(address.partition("://")[2].rpartition("@")[0].partition(":")[2])
        if any(holds_plain(each) for each in found):
            self.refuse(
                "its address holds a password", "write `password=` with one such as `env:NAME`"
            )


_RIGHT = "write `postgresql://host:port/database`, or `host=... dbname=...`"
