"""Append-only files of delivered events, durable before anybody is told so."""

from __future__ import annotations

import hashlib
import itertools
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import IO

from watermain import durable
from watermain.declare.errors import SourceError, UnreachableSystemError

_HEAD = struct.Struct(">4sIIqqH")
_KEY_ENTRY = struct.Struct(">32sq")  # as releases before wrote it, without the body's print
_PRINT_ENTRY = struct.Struct(">32sq16s")
_MAGIC = b"WMev"
_SUFFIX, _KEYS, _PRINTS = ".events", ".keys", ".prints"
UNKNOWN_BODY = b""
_NAME_DIGITS = 20
SEGMENT_BYTES = 16 * 2**20
IDENTITY, LOCK = "identity", "lock"


@dataclass(frozen=True)
class Event:
    """One delivery as it came: `received` in microseconds since 1970."""

    sequence: int
    key: bytes
    received: int
    body: bytes

    @property
    def size(self) -> int:
        """The bytes that it takes on disk."""
        return _HEAD.size + len(self.key) + len(self.body)

    def framed(self) -> bytes:
        """The bytes on disk: a head of lengths, checksum and sequence; then key and body."""
        content = self.key + self.body
        head = (len(self.body), zlib.crc32(content), self.sequence, self.received, len(self.key))
        return _HEAD.pack(_MAGIC, *head) + content


class EventStore:
    """A folder of segments, named after the sequence number of their first event.

    Guarantees: sequence numbers are dense, and a segment that has a successor never changes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def identity(self) -> str | None:
        """The name of this store, which is another one each time that it is made anew."""
        try:
            return (self.folder / IDENTITY).read_text() or None
        except FileNotFoundError:
            return None

    def segments(self) -> list[Path]:
        """The segments that still lie here, in order."""
        return sorted(self.folder.glob(f"*{_SUFFIX}"))

    def size(self) -> int:
        """The bytes of all segments; one that is deleted meanwhile counts nothing."""
        total = 0
        for path in self.segments():
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue
        return total

    def events(self, after: int) -> Iterator[Event]:
        """Give what follows the first `after` events; all of it is durable.

        Raises: SourceError, when what follows is gone or damaged.
        """
        segments = self.segments()
        firsts = [first_of(path) for path in segments]
        for at, path in enumerate(segments):
            if at + 1 < len(segments) and firsts[at + 1] <= after:
                continue
            if at == 0 and firsts[0] > after:
                raise self._gone(f"events {after} to {firsts[0] - 1} are gone")
            expected = firsts[at]
            for event in self._durable(path):
                if event.sequence != expected:
                    raise self._gone(f"{path.name} holds {event.sequence} at {expected}")
                expected += 1
                if event.sequence >= after:
                    yield event
            if at + 1 < len(segments) and expected != firsts[at + 1]:
                raise self._gone(f"{path.name} ends at {expected}, before its successor")

    def end(self) -> int:
        """The number of events that were ever stored here, as far as they can be read."""
        segments = self.segments()
        if not segments:
            return 0
        return first_of(segments[-1]) + sum(1 for _ in _held(segments[-1]))

    def forget(self, before: int) -> None:
        """Delete segments whose events all lie before a number, but keep their keys.

        Guarantees: the last segment stays, for it may still grow, and keys are durable first.
        """
        for path, following in itertools.pairwise(self.segments()):
            if first_of(following) > before:
                return
            entries = [_PRINT_ENTRY.pack(*_prints(e)) for e in _held(path)]
            durable.replace(path.with_suffix(_PRINTS), b"".join(entries))
            path.unlink(missing_ok=True)
            durable.sync_folder(self.folder)

    def keys(self, since: int) -> Iterator[tuple[bytes, int, bytes]]:
        """Give the prints of keys of events received since, and forget older ones.

        Shapes: (print of the key, microseconds since 1970, and print of the body or
        `UNKNOWN_BODY`), oldest first.
        Guarantees: a segment that is deleted meanwhile is read from the keys that it left.
        """
        left = [p for s in (_KEYS, _PRINTS) for p in self.folder.glob(f"*{s}")]
        for stem in sorted({path.with_suffix("") for path in (*left, *self.segments())}):
            try:
                entries = [_prints(e) for e in _held(stem.with_suffix(_SUFFIX))]
            except FileNotFoundError:
                entries = list(_left(stem))
                if all(at < since for _, at, _ in entries):
                    stem.with_suffix(_KEYS).unlink(missing_ok=True)
                    stem.with_suffix(_PRINTS).unlink(missing_ok=True)
            yield from (each for each in entries if each[1] >= since)

    def _durable(self, path: Path) -> Iterator[Event]:
        """Give what a segment holds, brought to the disk before anybody relies on it."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            os.fsync(file.fileno())
            yield from _read(file, size)

    def _gone(self, what: str) -> SourceError:
        return SourceError.nothing_read(
            f"the store of events is damaged: {what}",
            declared=f"the folder {self.folder}",
            next="restore the folder, or let the senders send again into a new one",
        )


class EventWriter:
    """The only one who appends to a store; the lock is freed by the kernel when it dies.

    Guarantees: `append` returns when all its events are on the disk, in one fsync. What a killed
    writer left half-written is cut off, and a new writer begins a new segment.
    Raises: UnreachableSystemError, when another writer is at work.
    """

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.store, self.segment_bytes = EventStore(folder), segment_bytes
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock: int | None = durable.lock(folder / LOCK)
        except BlockingIOError:
            raise UnreachableSystemError(
                "another process takes events for this folder",
                declared=f"the folder {folder}",
                data="nothing was stored",
                next="end the other `watermain listen`",
            ) from None
        if self.store.identity() is None:
            durable.replace(folder / IDENTITY, os.urandom(8).hex().encode())
        self.next, self._broken = self._mended(), False
        self._file: FileIO | None = None
        self._size = 0

    def append(self, deliveries: Sequence[tuple[bytes, int, bytes]]) -> None:
        """Store deliveries, each of which is a key, the time it came, and its body.

        Raises: OSError; `next` then tells how many of them are on the disk nevertheless.
        """
        if self._broken:
            self.next, self._broken = self._mended(), False
        file = self._room()
        data = bytearray()
        for number, (key, received, body) in enumerate(deliveries, self.next):
            data += Event(number, key, received, body).framed()
        try:
            _write(file, data)
            os.fsync(file.fileno())
        except OSError:
            file.close()
            self._file, self._broken = None, True
            self.next, self._broken = self._mended(), False
            raise
        self.next += len(deliveries)
        self._size += len(data)

    def close(self) -> None:
        """Let go of the store."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _room(self) -> FileIO:
        """The open segment, or a new one when the last is large enough."""
        if self._file is None or self._size >= self.segment_bytes:
            if self._file is not None:
                self._file.close()
            path = self.store.folder / f"{self.next:0{_NAME_DIGITS}}{_SUFFIX}"
            self._file, self._size = path.open("ab", buffering=0), 0
            durable.sync_folder(self.store.folder)
        return self._file

    def _mended(self) -> int:
        """Cut off a half-written end; give the number of the next event."""
        segments = self.store.segments()
        if not segments:
            return 0
        with segments[-1].open("r+b") as file:
            whole = list(_read(file, os.fstat(file.fileno()).st_size))
            file.truncate(sum(event.size for event in whole))
            os.fsync(file.fileno())
        return first_of(segments[-1]) + len(whole)


def key_print(key: bytes) -> bytes:
    """What is remembered of an idempotency key."""
    return hashlib.sha256(key).digest()


def body_print(body: bytes) -> bytes:
    """What is remembered of a body."""
    return hashlib.blake2b(body, digest_size=16).digest()


def _prints(event: Event) -> tuple[bytes, int, bytes]:
    return key_print(event.key), event.received, body_print(event.body)


def _left(stem: Path) -> Iterator[tuple[bytes, int, bytes]]:
    """What a deleted segment left of its keys."""
    try:
        yield from _PRINT_ENTRY.iter_unpack(stem.with_suffix(_PRINTS).read_bytes())
    except FileNotFoundError:
        for key, at in _KEY_ENTRY.iter_unpack(stem.with_suffix(_KEYS).read_bytes()):
            yield key, at, UNKNOWN_BODY


def first_of(path: Path) -> int:
    """The number of the first event in a segment."""
    return int(path.name.split(".")[0])


def _write(file: FileIO, data: bytes | bytearray) -> None:
    """Write all of it, without a buffer that could write again what failed."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _held(path: Path) -> Iterator[Event]:
    """Give the whole events of one segment."""
    with path.open("rb") as file:
        yield from _read(file, os.fstat(file.fileno()).st_size)


def _read(file: IO[bytes], size: int) -> Iterator[Event]:
    """Give whole events up to `size` bytes; stop before the first that is not whole."""
    at = 0
    while at + _HEAD.size <= size:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        magic, length, checksum, sequence, received, key_length = _HEAD.unpack(head)
        at += _HEAD.size + length + key_length
        if magic != _MAGIC or at > size:
            return
        content = file.read(length + key_length)
        if zlib.crc32(content) != checksum:
            return
        yield Event(sequence, content[:key_length], received, content[key_length:])
