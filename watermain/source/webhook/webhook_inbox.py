"""The inbox of one webhook: signature proved, event durable, only then accepted."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from watermain.clock import Clock, micros
from watermain.declare.errors import WatermainError
from watermain.declare.outside.web import Webhook
from watermain.secrets import Secrets
from watermain.source.webhook.segments import (
    SEGMENT_BYTES,
    UNKNOWN_BODY,
    EventWriter,
    body_print,
    key_print,
)
from watermain.source.webhook.webhook_signature import Proof

LOG = logging.getLogger("watermain.webhook")
MOST_KEY_BYTES = 255
CONFLICTS, MOST_NOTED_BYTES = "conflicts.jsonl", 2**20
_SIZE_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Room:
    """Bound what an inbox holds: keys, events waiting for the disk, and bytes not in the lake."""

    waiting: int = 512
    stored_bytes: int = 4 * 2**30
    keys: int = 5_000_000
    remember_for: timedelta = timedelta(days=7)
    segment_bytes: int = SEGMENT_BYTES


@dataclass(frozen=True)
class Reply:
    """Answer with a status, a reason and headers."""

    status: int
    reason: str
    headers: Mapping[str, str]


ACCEPTED = Reply(202, "accepted", {})
KNOWN = Reply(202, "accepted before", {})
FULL = Reply(429, "too much waits", {"Retry-After": "1"})
TOO_LARGE = Reply(413, "the event is too large", {})
UNSIGNED = Reply(401, "the signature is wrong or too old", {})
NO_KEY = Reply(400, "the idempotency key is missing or too long", {})
DOTTED_KEY = Reply(400, "the idempotency key has a dot, which parts what is signed", {})
NO_DISK = Reply(503, "the event cannot be stored now", {"Retry-After": "5"})


class Inbox:
    """Take the events of one webhook.

    Guarantees: an event is answered with 202 after it is on the disk; events that wait
    together are written with one fsync; and a key is stored once, even across a restart.
    """

    def __init__(
        self,
        word: Webhook,
        folder: Path,
        secrets: Secrets,
        clock: Clock | None = None,
        room: Room | None = None,
        *,
        denied: Callable[[], None] = lambda: None,
    ) -> None:
        self.word, self.secrets, self._denied = word, secrets, denied
        self.clock, self.room = clock or Clock(), room or Room()
        self._writer = EventWriter(folder, self.room.segment_bytes)
        since = micros(self.clock.now() - self.room.remember_for)
        self._proof = Proof(word, secrets, self.clock)
        self._known = {key: (at, body) for key, at, body in self._writer.store.keys(since)}
        self._pending: list[tuple[bytes, int, bytes]] = []
        self._promised: dict[bytes, tuple[bytes, asyncio.Future[Reply]]] = {}
        self._arrived = asyncio.Event()
        self._size = 0
        self._sized_at = -_SIZE_SECONDS

    def pressed(self) -> bool:
        """Say whether another event would be too much."""
        now = time.monotonic()
        if now - self._sized_at > _SIZE_SECONDS:
            self._size, self._sized_at = self._writer.store.size(), now
        return len(self._promised) >= self.room.waiting or self._size >= self.room.stored_bytes

    async def take(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Store one event or tell why not."""
        key = headers.get(self.word.key_header, "").encode("latin-1")
        if b"." in key:  # it would move the boundary between what is signed
            return DOTTED_KEY
        if not await self._proof.holds(headers, key, body):
            self._denied()
            return UNSIGNED
        if not 0 < len(key) <= MOST_KEY_BYTES:
            return NO_KEY
        value, body_is = key_print(key), body_print(body)
        if value in self._known:
            held = self._known[value][1]
            return KNOWN if held in (UNKNOWN_BODY, body_is) else self._reused(key, held, body_is)
        if value not in self._promised:
            if self.pressed():
                return FULL
            self._promised[value] = (body_is, asyncio.get_running_loop().create_future())
            self._pending.append((key, micros(self.clock.now()), body))
            self._arrived.set()
        held, promise = self._promised[value]
        return (
            self._reused(key, held, body_is) if held != body_is else await asyncio.shield(promise)
        )

    def _reused(self, key: bytes, held: bytes, other: bytes) -> Reply:
        """Answer a key that stands for another body; keep both prints where they can be found."""
        shown = key.decode("latin-1")
        facts = {"key": shown, "stored": held.hex(), "refused": other.hex()}
        note = self._writer.store.folder / CONFLICTS
        with suppress(OSError):  # a full disk is no reason to answer otherwise; the log has it too
            if not note.exists() or note.stat().st_size < MOST_NOTED_BYTES:
                at = {"at": self.clock.now().isoformat()}
                with note.open("a") as file:
                    file.write(json.dumps({**at, **facts}) + "\n")
        LOG.warning("key used again for another body: path=%s %s", self.word.path, facts)
        return Reply(422, f"the key stands for another body ({held.hex()}, not {other.hex()})", {})

    async def commit(self) -> None:
        """Write what waits, again and again until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            batch, self._pending = self._pending, []
            before, stored = self._writer.next, 0
            try:
                await asyncio.shield(asyncio.to_thread(self._writer.append, batch))
                stored = len(batch)
            except OSError as error:
                stored = self._writer.next - before
                LOG.error("events not stored: path=%s reason=%s", self.word.path, error.strerror)
            finally:
                self._settle(batch[:stored], ACCEPTED)
                self._settle(batch[stored:], NO_DISK)

    def close(self) -> None:
        """Let go of the folder."""
        self._writer.close()

    def _settle(self, batch: list[tuple[bytes, int, bytes]], reply: Reply) -> None:
        """Answer those who wait for a batch."""
        for key, received, _ in batch:
            value = key_print(key)
            body_is, promise = self._promised.pop(value)
            if reply is ACCEPTED:
                self._known[value] = (received, body_is)
            if not promise.done():
                promise.set_result(reply)
        since = micros(self.clock.now() - self.room.remember_for)
        while self._known:
            oldest = next(iter(self._known))
            if self._known[oldest][0] >= since and len(self._known) <= self.room.keys:
                return
            del self._known[oldest]


def unavailable(error: WatermainError) -> Reply:
    """The answer while the secret cannot be read."""
    LOG.error("events refused: %s", error.what)
    return NO_DISK
