"""A small MQTT 5 broker with persistent sessions, for tests, the demo, a desk."""

from __future__ import annotations

import asyncio
import struct
import sys
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from demo import mqtt_packets as packets
from demo.mqtt_journal import Journal
from demo.mqtt_packets import Cursor, MalformedPacketError, Message

MOST_QUEUED = 100_000
MOST_BYTES = 64 * 2**20
_TAKEN_OVER, _QUOTA, _NO_SUBSCRIPTION = 0x8E, 0x97, 0x11
_UNSUPPORTED, _STRANGER = 0x84, 0x86
_READY_SECONDS = 10.0


Owed = tuple[int, Message]  # its number in the journal, and the message


@dataclass
class Kept:
    """Hold what the broker keeps for one client id."""

    client_id: str
    journal: Journal
    filters: dict[str, int] = field(default_factory=dict)
    queue: deque[Owed] = field(default_factory=deque)
    in_flight: OrderedDict[int, Owed] = field(default_factory=OrderedDict)
    writer: asyncio.StreamWriter | None = None
    most_in_flight: int = 65_535
    expires_after: int = 0
    left_at: float = 0.0
    packet: int = 0

    def send(self, data: bytes) -> None:
        """Write to the client, when it is there."""
        if self.writer is not None:
            self.writer.write(data)

    def pump(self) -> None:
        """Hand over what waits, as far as the client allows."""
        while self.queue and self.writer is not None and len(self.in_flight) < self.most_in_flight:
            self.packet = self.packet % 65_535 + 1
            if self.packet not in self.in_flight:
                self.in_flight[self.packet] = number, message = self.queue.popleft()
                self.journal.sent(number, self.packet)
                self.send(packets.publish(message, self.packet, again=False))

    def resume(self) -> None:
        """Send again, in order, what was not confirmed."""
        for packet, (_, message) in self.in_flight.items():
            self.send(packets.publish(message, packet, again=True))
        self.pump()


class Broker:
    """Route messages between clients: QoS 0, QoS 1, persistent sessions and last wills.

    Guarantees: a message of QoS 1 stays until its receiver confirms it, while the session lives,
    and with a journal on disk it also outlives the broker. A full queue refuses the sender;
    `password`, when there is one, is asked of every client. There are no retained messages and no
    users.
    """

    def __init__(self, journal: Journal | None = None) -> None:
        self.password: bytes | None = None
        self.refused = 0
        self.journal = journal or Journal()
        self.sessions: dict[str, Kept] = {}
        for client_id, expires_after, filters in self.journal.sessions():
            kept = Kept(client_id, self.journal, filters, expires_after=expires_after)
            kept.left_at = time.monotonic()
            for number, packet, message in self.journal.owed(client_id):
                if packet is None:
                    kept.queue.append((number, message))
                else:
                    kept.in_flight[packet] = number, message
                    kept.packet = packet
            self.sessions[client_id] = kept
        self._work: dict[int, Callable[[Kept, int, bytes], None]] = {
            packets.PUBLISH: self._publish,
            packets.PUBACK: self._confirmed,
            packets.SUBSCRIBE: self._subscribe,
            packets.UNSUBSCRIBE: self._unsubscribe,
            packets.PINGREQ: lambda kept, _f, _b: kept.send(packets.framed(packets.PINGRESP, b"")),
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it leaves."""
        kept, will = None, None
        try:
            kind, _, body = await _packet(reader)
            if kind != packets.CONNECT:
                return
            hello = packets.read_connect(body)
            if self.password is not None and hello.password != self.password:
                self.refused += 1
                writer.write(packets.framed(packets.CONNACK, bytes([0, _STRANGER, 0])))
                return
            kept, will = self._welcome(hello, writer), hello.will
            while True:
                kind, flags, body = await _packet(reader)
                if kind == packets.DISCONNECT:
                    will = None if not body or body[0] == 0 else will
                    return
                self._work[kind](kept, flags, body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except (MalformedPacketError, KeyError):
            refusal = bytes([0, _UNSUPPORTED, 0])
            writer.write(packets.framed(packets.CONNACK, refusal) if kept is None else b"")
        finally:
            if kept is not None and kept.writer is writer:
                self._farewell(kept, will)
            writer.close()

    def _welcome(self, hello: packets.Connect, writer: asyncio.StreamWriter) -> Kept:
        client_id = hello.client_id or f"client-{id(writer):x}"
        old = self.sessions.get(client_id)
        if old is not None and old.writer is not None:
            old.send(packets.framed(packets.DISCONNECT, bytes([_TAKEN_OVER])))
            old.writer.close()
        present = old is not None and not hello.clean_start and not _expired(old)
        kept = old if present and old is not None else self._fresh(client_id)
        kept.writer = writer
        kept.expires_after = hello.properties.get(packets.EXPIRY, 0)
        kept.most_in_flight = hello.properties.get(packets.RECEIVE_MAXIMUM, 65_535)
        self.sessions[client_id] = kept
        if kept.expires_after:
            self.journal.open(client_id, kept.expires_after)
        properties = bytes([packets.MAXIMUM_QOS, 1, packets.RETAIN_AVAILABLE, 0])
        body = bytes([present, 0, len(properties)]) + properties
        kept.send(packets.framed(packets.CONNACK, body))
        kept.resume()
        return kept

    def _fresh(self, client_id: str) -> Kept:
        self.journal.end(client_id)
        return Kept(client_id, self.journal)

    def _farewell(self, kept: Kept, will: Message | None) -> None:
        kept.writer, kept.left_at = None, time.monotonic()
        if not kept.expires_after:
            del self.sessions[kept.client_id]
            self.journal.end(kept.client_id)
        if will is not None:
            self.route(will)

    def route(self, message: Message) -> bool:
        """Hand a message to every session that wants it; say whether all had room."""
        wanting = [
            (kept, qos)
            for kept in self.sessions.values()
            for qos in [max((q for f, q in kept.filters.items() if _fits(message, f)), default=-1)]
            if qos >= 0 and not _expired(kept)
        ]
        certain = [kept for kept, qos in wanting if qos and message.qos]
        if any(len(kept.queue) >= MOST_QUEUED for kept in certain):
            return False
        for kept, qos in wanting:
            if qos and message.qos:
                kept.queue.append((self.journal.add(kept.client_id, message), message))
                kept.pump()
            else:
                fleeting = Message(message.topic, message.payload, 0)
                kept.send(packets.publish(fleeting, 0, again=False))
        return True

    def _publish(self, kept: Kept, flags: int, body: bytes) -> None:
        message, packet = packets.read_publish(flags, body)
        if message.qos > 1:
            raise MalformedPacketError("QoS 2")
        taken = self.route(message)
        if message.qos:
            reason = b"" if taken else bytes([_QUOTA])
            kept.send(packets.framed(packets.PUBACK, struct.pack(">H", packet) + reason))

    def _confirmed(self, kept: Kept, _flags: int, body: bytes) -> None:
        confirmed = kept.in_flight.pop(Cursor(body).number(2), None)
        if confirmed is not None:
            self.journal.confirmed(confirmed[0])
        kept.pump()

    def _subscribe(self, kept: Kept, _flags: int, body: bytes) -> None:
        cursor = Cursor(body)
        packet, _ = cursor.take(2), cursor.properties()
        granted = bytearray()
        while not cursor.is_spent:
            name = cursor.text()
            kept.filters[name] = min(cursor.number(1) & 0x03, 1)
            self.journal.subscribe(kept.client_id, name, kept.filters[name])
            granted.append(kept.filters[name])
        kept.send(packets.framed(packets.SUBACK, packet + b"\0" + bytes(granted)))

    def _unsubscribe(self, kept: Kept, _flags: int, body: bytes) -> None:
        cursor = Cursor(body)
        packet, _ = cursor.take(2), cursor.properties()
        reasons = bytearray()
        while not cursor.is_spent:
            name = cursor.text()
            known = kept.filters.pop(name, None) is not None
            self.journal.unsubscribe(kept.client_id, name)
            reasons.append(0 if known else _NO_SUBSCRIPTION)
        kept.send(packets.framed(packets.UNSUBACK, packet + b"\0" + bytes(reasons)))


class EmbeddedMqttBroker:
    """Run a broker on a thread of this process and on 127.0.0.1 alone."""

    def __init__(self, port: int = 0, journal: Journal | None = None) -> None:
        self.port, self.broker = port, Broker(journal)
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen on `port`, or on a free one when that is 0."""
        self._thread.start()
        if not self._ready.wait(_READY_SECONDS):
            raise TimeoutError("the MQTT broker does not listen")

    def stop(self) -> None:
        """Leave every client without a word."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_READY_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._loop.close()
        self.broker.journal.close()

    async def _listen(self) -> None:
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self.broker.serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for kept in [*self.broker.sessions.values()]:
            if kept.writer is not None:
                kept.writer.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=_READY_SECONDS)


def main(port: int, journal: Path) -> None:
    """Serve in the foreground, for whoever supervises it."""

    async def listen() -> None:
        broker = Broker(Journal(journal))
        server = await asyncio.start_server(broker.serve, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(listen())


async def _packet(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    (first,) = await reader.readexactly(1)
    length = shift = 0
    while True:
        (byte,) = await reader.readexactly(1)
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
        if shift > 21:
            raise MalformedPacketError("a length of more than four bytes")
    if length > MOST_BYTES:
        raise MalformedPacketError(f"a packet of {length} bytes")
    return first >> 4, first & 0x0F, await reader.readexactly(length)


def _fits(message: Message, pattern: str) -> bool:
    return packets.fits(message.topic, pattern)


def _expired(kept: Kept) -> bool:
    forever = kept.expires_after == 0xFFFFFFFF
    return (
        kept.writer is None and not forever and time.monotonic() > kept.left_at + kept.expires_after
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
