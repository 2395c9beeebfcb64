"""Who may ask the feature server, by keys of which only prints are kept."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from watermain import durable
from watermain.declare.errors import MissingSettingError, quoted
from watermain.record.tally import NOBODY, Denial
from watermain.serve.feature_server.problem import RefusedRequestError
from watermain.serve.feature_server.rate import Allowance
from watermain.settings import Settings

LOOK_SECONDS = 1.0
MOST_RATE = 1_000_000
LOG = logging.getLogger("watermain.serve")
_SCHEME = "Bearer "
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


class Consumer(BaseModel):
    """One consumer: the print of its key, and how many requests a second it may make."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    rate: float = Field(gt=0, le=MOST_RATE)


_Consumers = TypeAdapter(dict[str, Consumer])


def keys_path(settings: Settings) -> Path:
    """Where the consumers are written."""
    return settings.serve_keys_file


def read_consumers(path: Path) -> dict[str, Consumer]:
    """Read the consumers; none where there is no file.

    Raises: MissingSettingError, for a file that holds something else.
    """
    try:
        return _Consumers.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
        raise MissingSettingError.nothing_happened(
            f"the consumers' file cannot be read: {why}",
            declared=str(path),
            next="mend it, or delete it, then `watermain consumer add NAME`",
        ) from None


def add_consumer(path: Path, name: str, rate: float, *, replace: bool = False) -> str:
    """Write a consumer down, and give its key, which is kept nowhere.

    Raises: MissingSettingError, for a name that is taken or odd or a rate that is none.
    """
    held = read_consumers(path)
    if not _NAME.fullmatch(name) or not 0 < rate <= MOST_RATE:
        raise _wrong(
            f"{name!r} at {rate:g} requests a second is no consumer",
            path,
            f"use lower-case letters, digits, - or _; a rate up to {MOST_RATE:,}",
        )
    if name in held and not replace:
        raise _wrong(
            f"the consumer `{name}` has a key", path, f"watermain consumer add {name} --replace"
        )
    key = f"wm_{secrets.token_urlsafe(32)}"
    _write(path, {**held, name: Consumer(sha256=_print(key), rate=rate)})
    return key


def remove_consumer(path: Path, name: str) -> None:
    """Forget a consumer and its key.

    Raises: MissingSettingError, listing the consumers there are.
    """
    held = read_consumers(path)
    if name not in held:
        known = quoted(held) or "none: there are no consumers"
        raise _wrong(f"there is no consumer {name!r}", path, f"use one of {known}")
    _write(path, {n: c for n, c in held.items() if n != name})


class Doorkeeper:
    """Tell consumers by their keys, and hold each to its rate.

    Guarantees: a changed file is read within LOOK_SECONDS, and while it cannot be read, those
    known before are let in. How long a comparison takes tells nothing of a key. Who is not known is
    counted by `denied`.
    """

    def __init__(
        self,
        path: Path,
        now: Callable[[], float] = time.monotonic,
        denied: Callable[[Denial], None] = lambda _: None,
    ) -> None:
        self._path, self._now, self._denied = path, now, denied
        self._seen: object = None
        self._looked = -LOOK_SECONDS
        self._consumers: dict[str, Consumer] = {}
        self._allowances: dict[str, Allowance] = {}
        self._look(now())

    def known(self) -> Mapping[str, Consumer]:
        """The consumers as last read."""
        return self._consumers

    def admit(self, authorization: str | None, *, counted: bool = True) -> str:
        """Give the name of who asks.

        Raises: RefusedRequestError: 401 without a key, 403 for an unknown one, or 429 over the
        rate.
        """
        now = self._now()
        if now - self._looked >= LOOK_SECONDS:
            self._look(now)
        if not authorization or not authorization.startswith(_SCHEME):
            raise self._refused(HTTPStatus.UNAUTHORIZED, "the request has no key")
        found, asked = None, _print(authorization.removeprefix(_SCHEME).strip())
        for name, consumer in self._consumers.items():
            if hmac.compare_digest(consumer.sha256, asked):
                found = name
        if found is None:
            raise self._refused(HTTPStatus.FORBIDDEN, "the key is of no consumer")
        if counted and (seconds := self._allowances[found].wait_seconds(now)):
            raise RefusedRequestError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"more than {self._consumers[found].rate:g} requests a second of `{found}`",
                declared="the consumer's rate",
                next=f"ask again in {seconds} s, or ask for many entities at once",
                headers={"retry-after": str(seconds)},
            )
        return found

    def _refused(self, status: HTTPStatus, what: str) -> RefusedRequestError:
        self._denied(Denial("key", NOBODY, f"feature server: {what}"))
        challenge = {"www-authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
        return RefusedRequestError(
            status,
            what,
            declared="the consumers' file",
            next="send `Authorization: Bearer <key>`; `watermain consumer add NAME` makes a key",
            headers=challenge,
        )

    def _look(self, now: float) -> None:
        self._looked = now
        seen = _version(self._path)
        if seen == self._seen:
            return
        first, self._seen = self._seen is None, seen
        try:
            self._consumers = read_consumers(self._path)
        except MissingSettingError as error:
            if first:
                raise
            LOG.error("consumers stay as they were: %s", error.what)
            return
        held = self._allowances
        self._allowances = {
            name: held[name]
            if name in held and held[name].rate == c.rate
            else Allowance(c.rate, now)
            for name, c in self._consumers.items()
        }


def _version(path: Path) -> object:
    try:
        found = path.stat()
    except OSError as error:
        return error.errno
    return found.st_mtime_ns, found.st_size, found.st_ino


def _print(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _write(path: Path, consumers: Mapping[str, Consumer]) -> None:
    plain = {name: each.model_dump() for name, each in sorted(consumers.items())}
    durable.replace(path, orjson.dumps(plain, option=orjson.OPT_INDENT_2))


def _wrong(what: str, path: Path, next_step: str) -> MissingSettingError:
    return MissingSettingError(what, declared=str(path), data="unchanged", next=next_step)
