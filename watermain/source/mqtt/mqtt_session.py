"""A session that an MQTT broker keeps for us, with what it sends until we confirm.

Source: MQTT 5.0, sections 3.1.2.11 (session expiry and receive maximum) and 4.4 (delivery retry).
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Event
from typing import Any, Self

from paho.mqtt.client import (
    MQTT_ERR_SUCCESS,
    Client,
    MQTTMessage,
    MQTTv5,
    error_string,
)
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from watermain.credential import accepted, refused
from watermain.declare.errors import SourceError, UnreachableSystemError, WatermainError
from watermain.declare.outside.source import Mqtt
from watermain.source.mqtt.address import BrokerReach, parsed

QUIET_SECONDS = 0.25
_LOOP_SECONDS = 0.05
_LISTEN_SECONDS = 0.5
_KEEPALIVE_SECONDS = 600
_LASTING = (0x84, 0x85, 0x86, 0x87, 0x8F)
STRANGER = (0x86, 0x87)
_NOBODY = "watermain/nobody"


@dataclass(frozen=True)
class BrokerMessage:
    """Hold one message as the broker sent it."""

    topic: str
    payload: bytes
    again: bool
    packet: int
    quality: int

    @property
    def fingerprint(self) -> str:
        """Name this very message: sent again, it has the same packet id."""
        parts = (str(self.packet).encode(), self.topic.encode(), self.payload)
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


class Session:
    """Be connected to the session that `word` names and subscribed to its topic.

    Guarantees: nothing is confirmed but by `confirm`, which returns after the broker has worked
    on it; and at most `in_flight` messages are held here.
    Raises: SourceError, UnreachableSystemError or ExpiredCredentialError.
    """

    def __init__(
        self, word: Mqtt, client_id: str, address: Callable[[], str], declared: str
    ) -> None:
        self.word, self.declared = word, declared
        self.address, self._shown = address, address()
        self._there = parsed(self._shown, declared)
        self.held: deque[BrokerMessage] = deque()
        self._answered: set[str] = set()
        self._refusal: Any = None
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5, manual_ack=True
        )
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._arrived
        self._client.on_subscribe = self._answer("subscribe")
        self._client.on_unsubscribe = self._answer("unsubscribe")
        try:
            self._connect()
            accepted(address)
        except BaseException:
            self._part()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop(_LOOP_SECONDS)
        self._part()

    def _part(self) -> None:
        """Let the client go, and so the sockets that it closes when nobody holds it."""
        self._client.on_connect = self._client.on_disconnect = self._client.on_message = None
        self._client.on_subscribe = self._client.on_unsubscribe = None
        del self._client

    def gather(self, rows: int, until: float) -> None:
        """Wait for messages until there are enough, it has been quiet, or time is up."""
        quiet, count = time.monotonic() + QUIET_SECONDS, len(self.held)
        while len(self.held) < rows and time.monotonic() < min(quiet, until):
            self._turn()
            if len(self.held) != count:
                quiet, count = time.monotonic() + QUIET_SECONDS, len(self.held)

    def listen(self, until: float, stop: Event) -> None:
        """Wait for a message."""
        while not self.held and not stop.is_set() and (left := until - time.monotonic()) > 0:
            self._turn(min(_LISTEN_SECONDS, left))

    def confirm(self, arrivals: Iterable[BrokerMessage]) -> None:
        """Tell the broker that these need not be sent again."""
        for each in arrivals:
            self._client.ack(each.packet, each.quality)
        # The broker works in order: its answer to a later request shows that it has ours.
        self._client.unsubscribe(_NOBODY)
        self._await("unsubscribe")

    def _connect(self) -> None:
        there = self._there
        if there.user is not None:
            self._client.username_pw_set(there.user, there.password)
        if there.tls is not None:
            self._secure(there)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = int(self.word.session.total_seconds())
        properties.ReceiveMaximum = self.word.in_flight
        try:
            self._client.connect_timeout = there.connect_seconds
            self._client.connect(
                there.host, there.port, _KEEPALIVE_SECONDS, clean_start=False, properties=properties
            )
        except OSError as error:
            raise self._error(str(error), lasting=False) from error
        self._await("connect")
        # Retained messages come with the first subscription, not with each connection.
        once = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        self._client.subscribe(self.word.topic, options=once)
        self._await("subscribe")

    def _secure(self, there: BrokerReach) -> None:
        try:
            self._client.tls_set_context(there.trusted())
        except OSError as error:
            lasting = isinstance(error, FileNotFoundError | PermissionError)
            raise self._error(f"encryption: {error}", lasting=lasting) from None

    def _await(self, answer: str) -> None:
        deadline = time.monotonic() + self._there.silent_seconds
        while answer not in self._answered:
            if time.monotonic() > deadline:
                raise self._error(f"no answer to our {answer}", lasting=False)
            self._turn()
        self._answered.discard(answer)

    def _turn(self, seconds: float = _LOOP_SECONDS) -> None:
        """Let the client read and write once."""
        done = self._client.loop(seconds)
        if self._refusal is not None and self._refusal.value in STRANGER:
            expired = refused(self.address, self._shown, "the broker does not let us in")
            if expired is not None:
                raise expired
        if self._refusal is not None:
            raise self._error(str(self._refusal), lasting=self._refusal.value in _LASTING)
        if done != MQTT_ERR_SUCCESS:
            raise self._error(error_string(done), lasting=False)

    def _connected(self, _c: Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        self._refusal = reason if reason.is_failure else None
        self._answered.add("connect")

    def _disconnected(self, _c: Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        self._refusal = self._refusal or (reason if reason.is_failure else None)

    def _arrived(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        self.held.append(
            BrokerMessage(
                topic=_topic(message),
                payload=bytes(message.payload),
                again=message.dup,
                packet=message.mid,
                quality=message.qos,
            )
        )

    def _answer(self, name: str) -> Callable[..., None]:
        def answered(_c: Client, _u: Any, _mid: int, reasons: Any, _p: Any) -> None:
            for reason in reasons:
                if name == "subscribe" and reason.is_failure:
                    self._refusal = reason
            self._answered.add(name)

        return answered

    def _error(self, what: str, *, lasting: bool) -> WatermainError:
        kind = SourceError if lasting else UnreachableSystemError
        return kind(
            f"MQTT topic {self.word.topic}: {what}",
            declared=self.declared,
            data="nothing was confirmed to the broker, which sends it again",
            next="give the address, the rights of the client a look"
            if lasting
            else "see whether the broker runs; the next capture tries again",
        )


def _topic(message: MQTTMessage) -> str:
    """The topic as text, whatever bytes a careless broker let pass."""
    try:
        return message.topic
    except UnicodeDecodeError as error:
        return error.object.decode("utf-8", "backslashreplace")
