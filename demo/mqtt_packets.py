"""The packets of MQTT 5, as far as a broker of QoS 0 with QoS 1 needs them.

Source: OASIS MQTT Version 5.0, chapters 2 to 3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 10, 11, 12, 13, 14
LEVEL = 5
EXPIRY, RECEIVE_MAXIMUM, MAXIMUM_QOS, RETAIN_AVAILABLE = 0x11, 0x21, 0x24, 0x25
_BYTES, _WORDS = {0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A}, {0x13, 0x21, 0x22, 0x23}
_LONGS, _VARIABLE, _PAIR = {0x02, 0x11, 0x18, 0x27}, 0x0B, 0x26


class MalformedPacketError(Exception):
    """Report bytes that are no packet of this protocol."""


class Cursor:
    """Read the fields of one packet's body in order. Raises: MalformedPacketError."""

    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def take(self, count: int) -> bytes:
        """Give the next bytes."""
        found = self.body[self.at : self.at + count]
        if len(found) < count:
            raise MalformedPacketError(f"{count} bytes wanted, {len(found)} left")
        self.at += count
        return found

    def number(self, size: int) -> int:
        """Read a big-endian number."""
        return int.from_bytes(self.take(size), "big")

    def variable(self) -> int:
        """Read a number of up to four bytes that have seven bits each."""
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 21:
                raise MalformedPacketError("a length of more than four bytes")

    def binary(self) -> bytes:
        """Read bytes that begin with their count."""
        return self.take(self.number(2))

    def text(self) -> str:
        """Read text that begins with its length in bytes."""
        try:
            return self.binary().decode()
        except UnicodeDecodeError as error:
            raise MalformedPacketError("text that is not UTF-8") from error

    def rest(self) -> bytes:
        """Give all that is left."""
        return self.take(len(self.body) - self.at)

    @property
    def is_spent(self) -> bool:
        """Say whether nothing is left."""
        return self.at >= len(self.body)

    def properties(self) -> dict[int, int]:
        """Read properties; give those that are numbers."""
        end = self.variable() + self.at
        found = {}
        while self.at < end:
            name = self.variable()
            if name in _BYTES:
                found[name] = self.number(1)
            elif name in _WORDS:
                found[name] = self.number(2)
            elif name in _LONGS:
                found[name] = self.number(4)
            elif name == _VARIABLE:
                self.variable()
            else:
                self.binary()
                if name == _PAIR:
                    self.binary()
        return found


@dataclass(frozen=True)
class Message:
    """Hold an application message."""

    topic: str
    payload: bytes
    qos: int


@dataclass(frozen=True)
class Connect:
    """Hold what a client says when it connects."""

    client_id: str
    clean_start: bool
    properties: dict[int, int] = field(default_factory=dict)
    will: Message | None = None
    password: bytes | None = None


def read_connect(body: bytes) -> Connect:
    """Read CONNECT; the user's name is passed over. Raises: MalformedPacketError."""
    cursor = Cursor(body)
    name, level, flags = cursor.text(), cursor.number(1), cursor.number(1)
    if (name, level) != ("MQTT", LEVEL):
        raise MalformedPacketError(f"protocol {name} {level}")
    cursor.number(2)
    properties, client_id, will = cursor.properties(), cursor.text(), None
    if flags & 0x04:
        cursor.properties()
        topic = cursor.text()
        will = Message(topic, cursor.binary(), (flags >> 3) & 0x03)
    if flags & 0x80:
        cursor.text()
    password = cursor.binary() if flags & 0x40 else None
    return Connect(client_id, bool(flags & 0x02), properties, will, password)


def read_publish(flags: int, body: bytes) -> tuple[Message, int]:
    """Read PUBLISH; give the message and then its packet id, or 0 without one."""
    cursor = Cursor(body)
    topic, qos = cursor.text(), (flags >> 1) & 0x03
    packet = cursor.number(2) if qos else 0
    cursor.properties()
    return Message(topic, cursor.rest(), qos), packet


def publish(message: Message, packet: int, *, again: bool) -> bytes:
    """Write PUBLISH."""
    topic = message.topic.encode()
    head = struct.pack(">H", len(topic)) + topic
    head += struct.pack(">H", packet) if message.qos else b""
    return framed(PUBLISH, head + b"\0" + message.payload, again << 3 | message.qos << 1)


def framed(kind: int, body: bytes, flags: int = 0) -> bytes:
    """Put a packet's first byte and its length before its body."""
    length, digits = len(body), bytearray()
    while True:
        length, digit = length >> 7, length & 0x7F
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([kind << 4 | flags]) + bytes(digits) + body


def fits(topic: str, pattern: str) -> bool:
    """Say whether a topic lies under a filter, where `+` is one level and `#` all that follow."""
    levels, wanted = topic.split("/"), pattern.split("/")
    for at, each in enumerate(wanted):
        if each == "#":
            return True
        if at >= len(levels) or each not in ("+", levels[at]):
            return False
    return len(levels) == len(wanted)
