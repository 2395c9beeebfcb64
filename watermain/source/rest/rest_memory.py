"""What a REST source has captured lately, so that an overlap doubles nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from watermain import durable
from watermain.clock import MICROSECOND, micros

Captured = Callable[[datetime], Iterable[tuple[bytes, datetime]]]
Known = dict[bytes, int]
SHARD = "rest"
_PRINT, _ENTRY = 16, 24


@dataclass(frozen=True)
class Position:
    """Stand at the end of a window; `mark` is the digest of what was captured up to it.

    Shapes: as text, `<ISO instant>#<mark>`.
    Guarantees: the same end after other rows is another position, so a batch's name tells
    its content even where the outside changes its mind between two readings.
    """

    end: datetime
    mark: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a position; None for the beginning."""
        if not text:
            return None
        instant, _, mark = text.partition("#")
        return cls(datetime.fromisoformat(instant), mark)

    def __str__(self) -> str:
        return f"{instant_text(self.end)}#{self.mark}"


def instant_text(instant: datetime) -> str:
    """Write a UTC instant as ISO 8601, with a Z."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


class RestMemory:
    """Keep, beside each position, the prints of captured rows that an overlap may show again.

    A row is kept with the end of the window that captured it first. A later request reaches back
    to its own start less the overlap, and a row first captured by a window that ended no later than
    that cannot be in the answer and so is forgotten.
    Guarantees: a memory that is lost or damaged is made again from the lake by `captured`.
    """

    def __init__(self, folder: Path, overlap: timedelta, captured: Captured) -> None:
        self.folder, self.overlap, self.captured = folder, overlap, captured

    def known(self, position: Position | None) -> Known:
        """Give the prints that stand at a position."""
        if position is None or not self.overlap:
            return {}
        try:
            data = self._path(position).read_bytes()
        except FileNotFoundError:
            data = b""
        if _mark(data) != position.mark:
            since = position.end - self.overlap
            return {value: micros(end) for value, end in self.captured(since)}
        return {
            data[at : at + _PRINT]: int.from_bytes(data[at + _PRINT : at + _ENTRY])
            for at in range(_PRINT, len(data), _ENTRY)
        }

    def remember(self, end: datetime, before: Known, fresh: Iterable[bytes]) -> Position:
        """Write down what stands at the end of a window; give its position."""
        order, now = hashlib.blake2b(digest_size=_PRINT), micros(end)
        kept = {p: at for p, at in before.items() if at > now - self.overlap // MICROSECOND}
        for value in fresh:
            order.update(value)
            if self.overlap:
                kept[value] = now
        entries = (value + at.to_bytes(8) for value, at in sorted(kept.items()))
        data = order.digest() + b"".join(entries)
        position = Position(end, _mark(data))
        if self.overlap:
            durable.replace(self._path(position), data)
        return position

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Forget what stands at positions before or beside the one that is committed."""
        position = Position.parse(positions.get(SHARD, ""))
        last = self.acknowledged()
        if position is None or (last is not None and last.end > position.end):
            return
        if str(last) != str(position):
            durable.replace(self._note, str(position).encode())
        for path in self.folder.glob("*.seen"):
            if path != self._path(position) and int(path.name.split("-")[0]) <= micros(
                position.end
            ):
                path.unlink(missing_ok=True)

    def acknowledged(self) -> Position | None:
        """Tell the last position that is known to be committed."""
        try:
            return Position.parse(self._note.read_text())
        except (FileNotFoundError, ValueError):
            return None

    @property
    def _note(self) -> Path:
        return self.folder / "acknowledged"

    def _path(self, position: Position) -> Path:
        return self.folder / f"{micros(position.end):020}-{position.mark}.seen"


def _mark(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
