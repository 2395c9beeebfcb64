"""Words for outside systems that are reached through HTTP."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

import pyarrow as pa

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.outside.kind import LEAST_LOOK, SourceWord
from watermain.declare.outside.reference import proved_reference

_HEADER = re.compile(r"[A-Za-z0-9-]+")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
# Headers: signature, timestamp and idempotency key.
_SCHEMES = {
    "standard": ("webhook-signature", "webhook-timestamp", "webhook-id"),
    "watermain": ("X-Signature", "X-Timestamp", "Idempotency-Key"),
}


@dataclass(frozen=True, kw_only=True)
class ByCursor:
    """Follow a cursor: `next` is its path in the answer, and `parameter` hands it back.

    `more` is the path of a flag that says whether another page follows.
    Guarantees: the last page is the one whose flag is false or, where no flag is declared, whose
    cursor is missing, null or empty.
    """

    parameter: str = "cursor"
    next: str = "next"
    more: str = ""


@dataclass(frozen=True, kw_only=True)
class ByPage:
    """Count pages from `first` until one is empty; ask for `size` records each.

    Where `more` is the path of a flag, the last page is the one whose flag is false.
    """

    parameter: str = "page"
    first: int = 1
    size: int = 100
    size_parameter: str = "per_page"
    more: str = ""


@dataclass(frozen=True, kw_only=True)
class ByLink:
    """Follow links on the same origin: at the path `next` in the answer, or the Link header.

    Where `more` is the path of a flag, the last page is the one whose flag is false.
    """

    next: str = ""
    more: str = ""


@dataclass(frozen=True, kw_only=True)
class Increment:
    """Ask for windows of event time, `since` included and `until` not, one after another.

    Each window is `every` long, and the first begins at `start`. A window is asked for once it has
    been over for `delay`; each request reaches back by `overlap`, for rows committed late. A
    reader that is behind takes up to `catch_up` at once, in whole multiples of `every`.
    Guarantees: what an earlier request gave is left out, known by key and content.
    """

    since: str
    until: str
    start: datetime
    every: timedelta = timedelta(minutes=5)
    overlap: timedelta = timedelta(0)
    delay: timedelta = timedelta(0)
    catch_up: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.start.utcoffset() != timedelta(0):
            raise _wrong(
                self, f"start {self.start} is no UTC instant", "write `datetime(..., tzinfo=UTC)`"
            )
        if self.every <= timedelta(0) or self.overlap < timedelta(0) or self.delay < timedelta(0):
            raise _wrong(self, "its durations are negative or empty", "use `every` above zero")
        if self.catch_up % self.every or self.catch_up < timedelta(0):
            raise _wrong(
                self, "`catch_up` is no multiple of `every`", "use one such as `24 * every`"
            )
        if self.start < datetime(1970, 1, 1, tzinfo=UTC):
            raise _wrong(self, "it starts before 1970", "start in 1970 or later")


@dataclass(frozen=True)
class Bearer:
    """Show a token, named by a secret reference."""

    token: str

    def __post_init__(self) -> None:
        proved_reference(self.token, "Bearer")


@dataclass(frozen=True, kw_only=True)
class Basic:
    """Show a user's name and a password, named by a secret reference."""

    user: str
    password: str

    def __post_init__(self) -> None:
        proved_reference(self.password, "Basic")


@dataclass(frozen=True, kw_only=True)
class OAuth2:
    """Trade client credentials for a token that expires.

    `token` is a path of the connection, or the whole address of another server.
    """

    token: str
    client_id: str
    client_secret: str
    scope: str = ""

    def __post_init__(self) -> None:
        proved_reference(self.client_secret, "OAuth2")


@dataclass(frozen=True, kw_only=True)
class Rest(SourceWord):
    """Capture what a REST endpoint tells, one window of event time after another.

    `records` and `total` are dotted paths in the answer; an empty `records` says that the answer is
    the list. `rate` is the most requests a second, shared by all processes of the machine.
    An answer of 204, or null at `records`, has no records. `no_records` names what else says so:
    `absent`, an answer that leaves the list out; or `404`, the answer behind the last page.
    A run is asked for when a look, every `look_every`, finds a window that is over.
    Guarantees: a window is captured whole, with all its pages, or not at all.
    """

    connection: str
    path: str
    window: Increment
    records: str = ""
    pages: ByCursor | ByPage | ByLink | None = None
    auth: Bearer | Basic | OAuth2 | None = None
    rate: float = 5.0
    total: str = ""
    no_records: tuple[str, ...] = ()
    look_every: timedelta = field(default=timedelta(minutes=5), repr=False)
    kind: ClassVar[str] = "rest"
    own: ClassVar[pa.Schema] = pa.schema(
        [
            ("_content", pa.string()),
            ("_row", pa.int64()),
            ("_delivered_at", pa.timestamp("us", "UTC")),
        ]
    )
    again: ClassVar[str] = "ask the service for the records of that time by a new dataset"

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path) or ".." in self.path.split("/"):
            raise _wrong(self, f"path {self.path!r} is no plain path", "write it as `/v1/flights`")
        if not 0 < self.rate <= 1000:
            raise _wrong(self, f"rate {self.rate} is out of bounds", "use up to 1000 a second")
        if self.look_every < LEAST_LOOK:
            what = f"look_every {self.look_every} is too often"
            raise _wrong(self, what, f"give {LEAST_LOOK} or more")
        if isinstance(self.no_records, str) or set(self.no_records) - {"absent", "404"}:
            raise _wrong(
                self,
                f"no_records {self.no_records!r} is unknown",
                'use `("absent", "404")` of them',
            )
        if "404" in self.no_records and not isinstance(self.pages, ByPage):
            raise _wrong(
                self,
                "404 says that there are no records behind the last page, and none are counted",
                "declare `pages=ByPage(...)`, or leave `404` out",
            )
        if "absent" in self.no_records and not self.records:
            raise _wrong(self, "an answer that is the list cannot leave it out", "name `records`")


@dataclass(frozen=True, kw_only=True)
class Webhook(SourceWord):
    """Take events that others send to `path`, signed with a secret that both sides know.

    By the scheme `standard` (Standard Webhooks) the header `webhook-signature` holds `v1,` with
    the Base64 HMAC-SHA256 of `<id>.<timestamp>.<body>`, or several of them; the event's id is its
    idempotency key. By the scheme `watermain` the header `X-Signature` holds `sha256=` with the
    hexadecimal HMAC-SHA256 of `<timestamp>.<idempotency key>.<body>`. The timestamp is in seconds
    since 1970, at most `tolerance` away from now. Several secrets may be named while one is
    rotated. Headers have other names where `signature`, `timestamp` or `idempotency` say so.
    All this is said here, or by the `connection` that is named in the place of a `secret`.
    Guarantees: an event answered with 202 is durable; its idempotency key is honoured once, and
    when it is used again for another body it is answered with 422.
    """

    path: str
    secret: str | tuple[str, ...] = ()
    connection: str = ""
    scheme: Literal["standard", "watermain"] = "standard"
    signature: str = ""
    timestamp: str = ""
    idempotency: str = ""
    max_bytes: int = 2**20
    tolerance: timedelta = timedelta(minutes=5)
    kind: ClassVar[str] = "webhook"
    is_live: ClassVar[bool] = True
    own: ClassVar[pa.Schema] = pa.schema(
        [
            ("_event", pa.string()),
            ("_sequence", pa.int64()),
            ("_row", pa.int64()),
            ("_delivered_at", pa.timestamp("us", "UTC")),
        ]
    )
    again: ClassVar[str] = "ask the sender to deliver the events again"

    def __post_init__(self) -> None:
        if bool(self.secrets) is bool(self.connection):
            raise _wrong(
                self,
                "two say how events are signed" if self.secrets else "no secret is named",
                "name one such as `env:NAME` in `secret`, or the `connection` that has it",
            )
        for reference in self.secrets:
            proved_reference(reference, "Webhook")
        if self.scheme not in _SCHEMES:
            raise _wrong(
                self, f"scheme {self.scheme!r} is unknown", "use `standard` or `watermain`"
            )
        if not _PATH.fullmatch(self.path) or ".." in self.path.split("/"):
            raise _wrong(self, f"path {self.path!r} is no plain path", "write it as `/hooks/gates`")
        for header in (self.signature_header, self.timestamp_header, self.key_header):
            if not _HEADER.fullmatch(header):
                raise _wrong(self, f"{header!r} is no header", "write it as `X-Signature`")
        if not 0 < self.max_bytes <= 64 * 2**20:
            raise _wrong(self, f"max_bytes {self.max_bytes} is out of bounds", "use up to 64 MiB")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The references of all secrets that count."""
        return (self.secret,) if isinstance(self.secret, str) else tuple(self.secret)

    @property
    def signature_header(self) -> str:
        """The header that holds the signatures."""
        return self.signature or _SCHEMES[self.scheme][0]

    @property
    def timestamp_header(self) -> str:
        """The header that holds when the event was sent."""
        return self.timestamp or _SCHEMES[self.scheme][1]

    @property
    def key_header(self) -> str:
        """The header that holds what tells one event from another."""
        return self.idempotency or _SCHEMES[self.scheme][2]


def _wrong(word: object, what: str, next: str) -> InvalidDeclarationError:
    name = type(word).__name__
    return InvalidDeclarationError(
        f"{name}: {what}", declared=name, data="nothing was read", next=next
    )
