"""The connections to brokers of messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from watermain.declare.connection.connection import (
    SECOND,
    Connection,
    Proved,
    Tls,
    holds_plain,
    is_reference,
    plain,
)
from watermain.declare.errors import quoted

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_BROKERS = re.compile(r"[\w.-]+:\d{1,5}(,[\w.-]+:\d{1,5})*")
_MQTT = ("mqtt", "mqtts")


@dataclass(frozen=True, kw_only=True)
class Sasl(metaclass=Proved):
    """Show the brokers a user's name and a password, by one of their mechanisms."""

    user: str
    password: str
    mechanism: str = "SCRAM-SHA-512"


@dataclass(frozen=True, kw_only=True)
class KafkaConnection(Connection):
    """Reach the brokers of a Kafka cluster: `host:port,host:port`.

    `security.protocol` follows from `tls` and `sasl`. No request waits longer than
    `silent_within`.
    """

    address: str = ""
    tls: Tls | None = None
    sasl: Sasl | None = None
    connect_within: timedelta | None = None
    silent_within: timedelta | None = None
    kind: ClassVar[str] = "kafka"
    extra: ClassVar[str] = "kafka"

    def check(self) -> None:
        self.refuse_waits(connect_within=SECOND, silent_within=SECOND)
        if self.sasl is not None:
            self.refuse_reference("sasl.password", self.sasl.password)
            if self.sasl.mechanism not in MECHANISMS:
                self.refuse(
                    f"SASL mechanism {self.sasl.mechanism!r} is unknown",
                    f"use one of {quoted(MECHANISMS)}",
                )
        if self.address and not is_reference(self.address):
            self.proved(self.address)
            if not _BROKERS.fullmatch(self.address):
                self.refuse("its address is more than brokers", _KAFKA)

    def proved(self, address: str) -> None:
        brokers = address.split(None, 1)[0] if address.strip() else ""
        if not _BROKERS.fullmatch(brokers):
            self.refuse("its address names no brokers", _KAFKA)

    @property
    def protocol(self) -> str:
        """How the brokers are spoken to."""
        if self.sasl is None:
            return "PLAINTEXT" if self.tls is None else "SSL"
        return "SASL_PLAINTEXT" if self.tls is None else "SASL_SSL"


@dataclass(frozen=True, kw_only=True)
class MqttConnection(Connection):
    """Reach an MQTT broker: `mqtt://host:port`, or `mqtts://host:port` encrypted."""

    address: str = ""
    user: str = ""
    password: str = ""
    tls: Tls | None = None
    connect_within: timedelta | None = None
    silent_within: timedelta | None = None
    kind: ClassVar[str] = "mqtt"
    extra: ClassVar[str] = "mqtt"

    def check(self) -> None:
        self.refuse_reference("password", self.password)
        self.refuse_waits(connect_within=SECOND, silent_within=SECOND)
        if self.password and not self.user:
            self.refuse("a password goes with a user", "name the `user`, too")
        if self.address and not is_reference(self.address):
            self.proved(self.address)
            user = self.address.partition("://")[2].rpartition("@")[0]
            if holds_plain(user.partition(":")[2]):
                self.refuse("its address holds a password", "write `password=`, a reference")

    def proved(self, address: str) -> None:
        parts = urlsplit(plain(address))
        if parts.scheme not in _MQTT or not parts.hostname:
            self.refuse("its address is none of MQTT", f"use one of {quoted(_MQTT)} before `://`")
        if parts.query or parts.fragment:
            self.refuse("its address holds more than a broker", "write `mqtt://host:port`")
        if self.tls is not None and parts.scheme != "mqtts":
            self.refuse("`tls` goes with an encrypted address", "write `mqtts://host:port`")


_KAFKA = "write `host:port,host:port`; what is shown to the brokers is `tls` and `sasl`"
