"""A client for one REST endpoint that keeps the pace, retries what passes, follows no one away."""

from __future__ import annotations

import contextlib
import ssl
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from watermain.clock import Clock
from watermain.credential import Gate
from watermain.declare.connection.connection import Tls
from watermain.declare.errors import (
    ExpiredCredentialError,
    SourceError,
    UnreachableSystemError,
)
from watermain.declare.outside.web import ByLink, OAuth2, Rest
from watermain.secrets import Secrets
from watermain.source.rest.link_header import following
from watermain.source.rest.pace import RequestPace, Ticks
from watermain.source.rest.rest_auth import auth_of
from watermain.source.text.json_records import found_at, parsed
from watermain.source.web import Waits, basic, seconds, trusted

_REFUSED = (401, 403)
_PASSING = (408, 425, 429)
_EMPTY, _MOVED, _WRONG, _LACKING, _BROKEN, _BUSY = 204, 300, 400, 404, 500, 503
_ATTEMPTS = 8
_TOKEN_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Bound one exchange: the time to connect, to wait for a byte and to end; the decoded size."""

    connect_seconds: float = 10.0
    silent_seconds: float = 30.0
    whole_seconds: float = 120.0
    bytes: int = 64 * 2**20
    pause_seconds: float = 10.0


def bounded(connection: Waits | None) -> Bounds:
    """The bounds that a connection declares, or those of every exchange without it."""
    plain = Bounds()
    if connection is None:
        return plain
    return Bounds(
        connect_seconds=seconds(connection.connect_within, plain.connect_seconds),
        silent_seconds=seconds(connection.silent_within, plain.silent_seconds),
    )


@dataclass(frozen=True, kw_only=True)
class Access:
    """Hold what a client needs of its surroundings."""

    address: Callable[[], str]
    secrets: Secrets
    gate: Gate
    pace: RequestPace
    clock: Clock = field(default_factory=Clock)
    ticks: Ticks = field(default_factory=Ticks)
    bounds: Bounds = field(default_factory=Bounds)
    tls: Tls | None = None


@dataclass(frozen=True)
class RestAnswer:
    """Hold the content of one answer and the address that its Link header calls the next.

    `ends` says that the answer is one of no records: 204, or a 404 where the caller expects one.
    """

    content: object
    link: str | None
    ends: bool = False


class _PassingError(Exception):
    """Report what may go right the next time."""


class Client:
    """Ask one endpoint; close it after use.

    Guarantees: every request waits for its turn; the address and the credential are resolved
    at each opening; and a credential that is refused is not shown again before it is rotated.
    Raises: SourceError, UnreachableSystemError or ExpiredCredentialError.
    """

    def __init__(self, word: Rest, access: Access, *, name: str, declared: str) -> None:
        self.word, self.access, self.name, self.declared = word, access, name, declared
        bounds = access.bounds
        self.origin = self._proved(access.address())
        self.auth = auth_of(word.auth, access.secrets, self._traded, access.ticks.now)
        self._deadline = access.ticks.now()
        self._follows = isinstance(word.pages, ByLink) and not word.pages.next
        self._http = httpx.Client(
            verify=self._trusted(access.tls),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(bounds.silent_seconds, connect=bounds.connect_seconds),
        )

    def _trusted(self, tls: Tls | None) -> ssl.SSLContext:
        try:
            return trusted(tls)
        except OSError as error:
            raise self.wrong(f"its TLS files cannot be used: {error}", "mend `tls`") from None

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def url(self, path: str) -> httpx.URL:
        """The address of a path of the connection."""
        return httpx.URL(str(self.origin).rstrip("/") + path)

    def joined(self, here: httpx.URL, link: str) -> httpx.URL:
        """The address that a link leads to, which is proved to be on the same origin.

        Raises: SourceError.
        """
        try:
            there = here.join(link)
        except httpx.InvalidURL:
            raise self.wrong("the next link is no address", "tell who runs it") from None
        if _origin(there) != _origin(self.origin):
            raise self.wrong(
                f"the next link leads to {there.host}, away from {self.origin.host}",
                "tell who runs it; links are followed on the same origin only",
            )
        return there

    def get(
        self, url: httpx.URL, parameters: Mapping[str, str], deadline: float, *, may_lack: bool
    ) -> RestAnswer:
        """Ask until the answer is whole, `deadline` has come, or it is wrong for good.

        `may_lack` says that 404 tells of no records.
        """
        self._deadline = deadline
        retrying = Retrying(
            retry=retry_if_exception_type(_PassingError),
            stop=lambda state: _ATTEMPTS_SPENT(state) or self._is_late(state),
            wait=wait_random_exponential(multiplier=0.1, max=self.access.bounds.pause_seconds),
            sleep=self.access.ticks.sleep,
            reraise=True,
        )
        try:
            return retrying(self._admitted, url.copy_merge_params(dict(parameters)), may_lack)
        except _PassingError as error:
            raise self._unreachable(str(error)) from None

    def wrong(self, what: str, next: str) -> SourceError:
        """The error for what somebody must change."""
        return SourceError(
            f"{self.name}: {what}",
            declared=self.declared,
            data="nothing of this window was kept; what the lake has committed stands",
            next=next,
        )

    def _admitted(self, url: httpx.URL, may_lack: bool) -> RestAnswer:
        """Ask once, and a second time with a fresh credential when the first is refused."""
        gate = self.access.gate
        gate.check(self.auth.credential().get_secret_value())
        headers = self.auth.headers()
        found = self._sent("GET", url, headers)
        if found.status in _REFUSED:
            fresh = self.auth.headers(fresh=True)
            if fresh != headers:
                found = self._sent("GET", url, fresh)
        if found.status in _REFUSED:
            raise self._refused(f"the answer was {found.status}")
        gate.accept()
        if found.status == _EMPTY or (may_lack and found.status == _LACKING):
            return RestAnswer(None, None, ends=True)
        content = self._content(found)
        try:
            return RestAnswer(content, following(found.links) if self._follows else None)
        except ValueError as error:
            raise self.wrong(str(error), "tell who runs it") from None

    def _refused(self, why: str) -> ExpiredCredentialError:
        return self.access.gate.refuse(self.auth.credential().get_secret_value(), why)

    def _traded(self, word: OAuth2, secret: SecretStr) -> tuple[SecretStr, float]:
        """Trade client credentials for a token."""
        url = self.url(word.token) if word.token.startswith("/") else self._proved(word.token)
        form = {"grant_type": "client_credentials"} | ({"scope": word.scope} if word.scope else {})
        found = self._sent("POST", url, basic(word.client_id, secret), form)
        if found.status in (*_REFUSED, _WRONG):
            raise self.access.gate.refuse(
                secret.get_secret_value(), f"no token was given: {found.status}"
            )
        content = self._content(found)
        token = found_at(content, "access_token")
        if not isinstance(token, str):
            raise _PassingError("the answer holds no token")
        seconds = _TOKEN_SECONDS
        with contextlib.suppress(ValueError):
            seconds = float(str(found_at(content, "expires_in")))
        return SecretStr(token), seconds

    def _sent(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
    ) -> _Received:
        """Send one request in its turn, and give the whole of what came."""
        ticks = self.access.ticks
        if not self.access.pace.take(max(0.0, self._deadline - ticks.now())):
            raise self._unreachable("it asks us to wait longer than this call may take")
        try:
            with self._http.stream(
                method, url, headers={"Accept": "application/json", **headers}, data=form
            ) as response:
                body = self._body(response)
                links = tuple(response.headers.get_list("link"))
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise _PassingError(type(error).__name__) from None
        if response.status_code in (429, _BUSY):
            self._hold(response)
        return _Received(response.status_code, body, links)

    def _body(self, response: httpx.Response) -> bytes:
        """Read the body within its bounds."""
        bounds, ticks = self.access.bounds, self.access.ticks
        until, parts, size = ticks.now() + bounds.whole_seconds, [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > bounds.bytes:
                raise self.wrong(
                    f"an answer is larger than {bounds.bytes} bytes",
                    "ask for smaller pages or windows",
                )
            if ticks.now() > until:
                raise _PassingError(f"the answer took longer than {bounds.whole_seconds} s")
            parts.append(part)
        return b"".join(parts)

    def _hold(self, response: httpx.Response) -> None:
        """Let all processes of the machine wait for as long as the answer asks."""
        wanted = response.headers.get("Retry-After", "").strip()
        if (seconds := _waiting(wanted, self._told(response))) is not None:
            self.access.pace.hold(seconds)

    def _told(self, response: httpx.Response) -> datetime:
        """The present of whoever answered, so that no two clocks are compared."""
        return _date(response.headers.get("Date", "")) or self.access.clock.now()

    def _content(self, found: _Received) -> object:
        status = found.status
        if status in _PASSING or status >= _BROKEN:
            raise _PassingError(f"the answer was {status}")
        if _MOVED <= status < _WRONG:
            raise self.wrong(
                f"the answer was {status}, a redirection", "name the place that it leads to"
            )
        if status >= _WRONG:
            raise self.wrong(f"the answer was {status}", "mend the declared path or parameters")
        try:
            return parsed(found.body.removeprefix(BOM_UTF8))
        except ValueError:
            raise _PassingError("the answer is no whole JSON") from None

    def _is_late(self, state: RetryCallState) -> bool:
        return self.access.ticks.now() + state.upcoming_sleep > self._deadline

    def _unreachable(self, why: str) -> UnreachableSystemError:
        return UnreachableSystemError(
            f"{self.name}: {self.origin.host} gives no answer: {why}",
            declared=self.declared,
            data="nothing of this window was kept; what the lake has committed stands",
            next="watermain doctor",
        )

    def _proved(self, address: str) -> httpx.URL:
        """Prove that an address is one for HTTP without a password in it."""
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query:
            raise self.wrong(
                "the connection is no plain address such as `https://host/path`",
                f"set WATERMAIN_SOURCE_{self.word.connection.upper()}; secrets belong into `auth`",
            )
        return url


@dataclass(frozen=True)
class _Received:
    """What came back."""

    status: int
    body: bytes
    links: tuple[str, ...]


_ATTEMPTS_SPENT = stop_after_attempt(_ATTEMPTS)


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _waiting(wanted: str, now: datetime) -> float | None:
    """Read a Retry-After: seconds or the date of HTTP."""
    if wanted.isascii() and wanted.isdigit():
        return float(wanted[:9])
    until = _date(wanted)
    return None if until is None else max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
