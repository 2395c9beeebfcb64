"""The connections by which people are told of broken promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from watermain.declare.connection.connection import SECOND, Connection, is_reference, plain
from watermain.declare.errors import quoted

SEVERITIES = ("page", "ticket")
_PLAIN = ("json", "jsons")  # what has a place and needs no secret
_MOST_LEVELS = 9


@dataclass(frozen=True, kw_only=True)
class _TellingConnection(Connection):
    """What takes tellings: which ones, of whose datasets.

    Units: `heartbeat_every` is the pause between two signs of life that go the way of an alert;
    None sends none.
    """

    address: str = ""
    tells: tuple[str, ...] = SEVERITIES
    owners: tuple[str, ...] = ()
    heartbeat_every: timedelta | None = None
    connect_within: timedelta = timedelta(seconds=10)
    extra: ClassVar[str] = ""

    def check(self) -> None:
        self.refuse_waits(heartbeat_every=timedelta(minutes=1), connect_within=SECOND)
        if not self.tells or set(self.tells) - set(SEVERITIES):
            self.refuse(f"it tells {self.tells!r}", f"use some of {quoted(SEVERITIES)}")
        if self.address and not is_reference(self.address):
            self.proved(self.address)

    @property
    def is_manager(self) -> bool:
        """Whether the other side groups, silences, routes and reminds by itself."""
        return False

    def takes(self, kind: str, severity: str, owner: str, level: int) -> bool:
        """Whether a telling goes this way."""
        return severity in self.tells and (not self.owners or owner in self.owners)


@dataclass(frozen=True, kw_only=True)
class NotifierConnection(_TellingConnection):
    """Tell people by a service that the library apprise knows, at its kind of address.

    `address` is a reference to a secret, or holds its secret as a `${reference}`. With `rota`, a
    calendar file in the project, whoever is on call is told at the address that `people` gives;
    where nobody is, all of them are. `level` is the step of escalation from which on it is told.
    """

    level: int = 0
    rota: str = ""
    people: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "notifier"
    extra: ClassVar[str] = "alerts"

    def check(self) -> None:
        super().check()
        if not 0 <= self.level <= _MOST_LEVELS:
            self.refuse(f"level {self.level} is out of bounds", f"use one from 0 to {_MOST_LEVELS}")
        if bool(self.rota) is not bool(self.people):
            self.refuse("a rota goes with the people in it", "name both, or neither")
        if bool(self.rota) is bool(self.address):
            self.refuse("it needs an `address` or a `rota`, and not both", "leave one out")
        for person, address in self.people.items():
            if not is_reference(address):
                try:
                    self.proved(address)
                except ValueError:
                    self.refuse(f"the address of {person} is none", "write a reference")

    def proved(self, address: str) -> None:
        parts = urlsplit(plain(address))
        if not parts.scheme or not address.partition("://")[2]:
            self.refuse("its address is none of a service", "write `service://...`")
        if "${" not in address and (parts.scheme not in _PLAIN or "@" in parts.netloc):
            self.refuse(
                "its address would hold a secret", "write a reference, or `${env:NAME}` inside it"
            )

    def takes(self, kind: str, severity: str, owner: str, level: int) -> bool:
        """Whether a telling goes this way: an escalation, only at its own level."""
        if not super().takes(kind, severity, owner, level):
            return False
        return self.level == level if kind == "escalated" else self.level <= level


@dataclass(frozen=True, kw_only=True)
class AlertmanagerConnection(_TellingConnection):
    """Hand alerts to an Alertmanager, which groups, silences, routes and reminds: `https://host`."""

    kind: ClassVar[str] = "alertmanager"

    def proved(self, address: str) -> None:
        parts = urlsplit(plain(address))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            self.refuse("its address is none of HTTP", "write `https://host:9093`")
        if "@" in parts.netloc and "${" not in address:
            self.refuse("its address would hold a secret", "write `${env:NAME}` inside it")

    @property
    def is_manager(self) -> bool:
        return True

    def takes(self, kind: str, severity: str, owner: str, level: int) -> bool:
        """Whether it is handed on: reminders are its own."""
        return kind != "reminder" and super().takes(kind, severity, owner, level)
