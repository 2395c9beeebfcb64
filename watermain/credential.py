"""The gate that keeps a refused credential from being tried again until it is rotated."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from watermain import durable
from watermain.clock import Clock
from watermain.declare.connection.connection import Connection
from watermain.declare.errors import (
    ExpiredCredentialError,
    InvalidDeclarationError,
    SourceError,
)
from watermain.secrets import Secrets
from watermain.settings import Settings

FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)
_COST = {"n": 2**12, "r": 8, "p": 1}
LOG = logging.getLogger("watermain.credential")
Composed = Callable[[str, Any, Callable[[str], str]], str]


@dataclass(frozen=True, kw_only=True)
class _Refusal:
    """What is remembered of a refusal: the credential's salted print, never the credential."""

    salt: str
    print: str
    since: str
    until: str
    times: int


class Gate:
    """Remember on disk which credential of a connection was refused.

    Guarantees: the same credential is tried again only after a pause that doubles from
    FIRST_PAUSE up to LONGEST_PAUSE; another credential passes at once. One log line with level
    error tells of each credential that is refused, and one with level info of its recovery.
    """

    def __init__(self, connection: str, home: Path, clock: Clock | None = None) -> None:
        self.connection, self.clock = connection, clock or Clock()
        name = hashlib.sha256(connection.encode()).hexdigest()[:16]
        self.path = home / "refused" / f"{name}.json"

    @property
    def is_shut(self) -> bool:
        """Say whether some credential was refused, and none was accepted since."""
        return self.path.exists()

    def check(self, credential: str) -> None:
        """Let a credential pass, unless it is the one that was refused.

        Raises: ExpiredCredentialError.
        """
        held = self._held()
        if held is None or held.print != _print(credential, held.salt):
            return
        if self.clock.now() < datetime.fromisoformat(held.until):
            raise self._error(held)

    def refuse(self, credential: str, why: str) -> ExpiredCredentialError:
        """Remember that a credential was refused; give the error to raise."""
        held, now = self._held(), self.clock.now()
        same = held is not None and held.print == _print(credential, held.salt)
        times = held.times + 1 if held is not None and same else 1
        pause = min(FIRST_PAUSE * 2 ** min(times - 1, 10), LONGEST_PAUSE)
        salt = os.urandom(16).hex()
        fresh = _Refusal(
            salt=salt,
            print=_print(credential, salt),
            since=held.since if held is not None and same else now.isoformat(),
            until=(now + pause).isoformat(),
            times=times,
        )
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        durable.replace(self.path, json.dumps(asdict(fresh)))
        if times == 1:
            LOG.error("credential refused: connection=%s reason=%s", self.connection, why)
        return self._error(fresh, why)

    def accept(self) -> None:
        """Forget the refusal: the system outside took a credential."""
        if self.path.exists():
            self.path.unlink(missing_ok=True)
            LOG.info("credential accepted again: connection=%s", self.connection)

    def _held(self) -> _Refusal | None:
        try:
            return _Refusal(**json.loads(self.path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _error(self, held: _Refusal, why: str = "") -> ExpiredCredentialError:
        reason = f": {why}" if why else ""
        return ExpiredCredentialError.nothing_read(
            f"the credential of `{self.connection}` is refused since {held.since[:19]}Z{reason}",
            declared=f"the source connection `{self.connection}`",
            next="rotate the secret; the new one is tried at once, this one again after"
            f" {held.until[:19]}Z",
        )


class Address:
    """The address of a connection, resolved each time it is called, secrets included.

    `composed` writes the options of a declared connection into its address.
    Raises: MissingSettingError; SourceError for an address that contradicts its connection;
    or ExpiredCredentialError while the address is refused.
    """

    def __init__(
        self,
        settings: Settings,
        connection: str,
        word: Connection | None = None,
        composed: Composed | None = None,
    ) -> None:
        self.settings, self.connection = settings, connection
        self.word, self.composed = word, composed
        self.secrets = Secrets(settings)
        self.gate = Gate(connection, settings.home)

    def __call__(self) -> str:
        found = self._found()
        self.gate.check(found)
        return found

    def _found(self) -> str:
        """The address that counts, in which the options of its connection are written."""
        word = self.word
        if word is None:
            return self.secrets.filled(self.settings.source(self.connection))
        given = self.settings.given_source(self.connection)
        address = given or str(getattr(word, "address", "")) or self.settings.source(word.name)
        found = self.secrets.filled(address)
        try:
            word.proved(found)
            return self.composed(found, word, self._secret) if self.composed else found
        except InvalidDeclarationError as error:
            place = f"{word.declared}, {word.variable}" if given else word.declared
            raise SourceError(
                error.what, declared=place, data=error.data, next=error.next
            ) from None

    def _secret(self, reference: str) -> str:
        return self.secrets.read(reference).get_secret_value()

    def refused(self, address: str, why: str) -> ExpiredCredentialError:
        """Close the gate before an address whose credential was refused."""
        self.secrets = Secrets(self.settings)
        return self.gate.refuse(address, why)

    def accepted(self) -> None:
        """Open the gate again."""
        self.gate.accept()


def refused(address: Callable[[], str], shown: str, why: str) -> ExpiredCredentialError | None:
    """Close the gate of an address that has one; None for any other."""
    return address.refused(shown, why) if isinstance(address, Address) else None


def accepted(address: Callable[[], str]) -> None:
    """Open the gate of an address that has one."""
    if isinstance(address, Address):
        address.accepted()


def _print(credential: str, salt: str) -> str:
    return hashlib.scrypt(credential.encode(), salt=bytes.fromhex(salt), **_COST).hex()
