"""The connection to a place where files are dropped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from watermain.declare.connection.connection import (
    SECOND,
    Connection,
    Proved,
    Tls,
    is_reference,
    plain,
)


@dataclass(frozen=True, kw_only=True)
class S3Store(metaclass=Proved):
    """Reach a bucket on another store than AWS, or in another region, or by a key.

    `key_id` and `secret` are references, or `key_id` is the key's plain name.
    """

    endpoint: str = ""
    region: str = ""
    key_id: str = ""
    secret: str = ""


@dataclass(frozen=True, kw_only=True)
class FilesConnection(Connection):
    """Reach a folder of this machine, or a prefix of a bucket: `s3://bucket/prefix`.

    `store`, `tls` and the limits on waiting are for a bucket.
    """

    address: str = ""
    store: S3Store | None = None
    tls: Tls | None = None
    connect_within: timedelta | None = None
    silent_within: timedelta | None = None
    kind: ClassVar[str] = "files"

    def check(self) -> None:
        self.refuse_waits(connect_within=SECOND, silent_within=SECOND)
        if self.store is not None:
            self.refuse_reference("store.secret", self.store.secret)
            if bool(self.store.key_id) is not bool(self.store.secret):
                self.refuse("a key has an id with a secret", "name both in `store`, or neither")
            if self.store.endpoint and urlsplit(self.store.endpoint).scheme not in _WEB:
                self.refuse(
                    f"endpoint {self.store.endpoint!r} is no address", "write `https://host:port`"
                )
        if self.tls is not None and self.tls.certificate:
            self.refuse("no store is shown a certificate", "name `authorities` alone in `tls`")
        if self.address and not is_reference(self.address):
            self.proved(self.address)
            if urlsplit(plain(self.address)).password and "${" not in self.address:
                self.refuse(
                    "its address holds a secret", "write `store=S3Store(secret=...)`, a reference"
                )

    def proved(self, address: str) -> None:
        if "://" in address:
            parts = urlsplit(plain(address))
            if parts.scheme != "s3" or not parts.hostname:
                self.refuse("its address is no folder and no bucket", _RIGHT)
            return
        if not address.startswith(("/", "./", "../")) and "/" not in address:
            self.refuse("its address is no path", _RIGHT)
        named = ("store", "tls", "connect_within", "silent_within")
        if wrong := [name for name in named if getattr(self, name) is not None]:
            self.refuse(f"`{wrong[0]}` means nothing to a folder", "leave it out")


_WEB = ("http", "https")
_RIGHT = "write a folder's path, or `s3://bucket/prefix`"
