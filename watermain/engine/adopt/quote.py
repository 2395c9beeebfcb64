"""What an adoption would take, told before anything is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from watermain.declare.cadence import Cadence
from watermain.engine.adopt.piece import Piece

# Measured on a small machine that did other things besides; see benchmarks/README.md.
LINKED_BYTES_A_SECOND = 150 * 2**20
WRITTEN_BYTES_A_SECOND = 15 * 2**20
SECONDS_A_FILE = 0.05


@dataclass(frozen=True, kw_only=True)
class QuotedPieces:
    """Some of the pieces: how many they are, with their rows and bytes."""

    files: int
    rows: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Pieces that are linked as they are, written anew, or left to the capture.

    Units: `partitions` are those of the calendar between the first row and the last, of which some
    may be empty.
    """

    linked: QuotedPieces
    written: QuotedPieces
    left: QuotedPieces
    partitions: int
    reasons: tuple[tuple[str, int], ...]

    @property
    def rows(self) -> int:
        """All rows, however they come."""
        return self.linked.rows + self.written.rows + self.left.rows

    @property
    def bytes(self) -> int:
        """All bytes, as they lie now."""
        return self.linked.bytes + self.written.bytes + self.left.bytes

    @property
    def minutes(self) -> float:
        """About how long it takes: each byte is read once, to be named by what it holds."""
        files = self.linked.files + self.written.files + self.left.files
        again = self.written.bytes + self.left.bytes
        seconds = self.linked.bytes / LINKED_BYTES_A_SECOND + again / WRITTEN_BYTES_A_SECOND
        return (seconds + files * SECONDS_A_FILE) / 60


def quote(pieces: Sequence[Piece], cadence: Cadence | None) -> Quote:
    """Add pieces up."""
    left = [p for p in pieces if p.is_left]
    written = [p for p in pieces if p.why and not p.is_left]
    reasons: dict[str, int] = {}
    for piece in (*left, *written):
        reasons[piece.why] = reasons.get(piece.why, 0) + 1
    return Quote(
        linked=_part([p for p in pieces if p.is_linked]),
        written=_part(written),
        left=_part(left),
        partitions=_partitions(pieces, cadence),
        reasons=tuple(sorted(reasons.items(), key=lambda each: -each[1])),
    )


def _part(pieces: Sequence[Piece]) -> QuotedPieces:
    return QuotedPieces(
        files=len(pieces), rows=sum(p.rows for p in pieces), bytes=sum(p.bytes for p in pieces)
    )


def _partitions(pieces: Sequence[Piece], cadence: Cadence | None) -> int:
    ends = [p.measured for p in pieces if p.measured and p.measured.low is not None]
    if cadence is None or not ends:
        return 1
    first, last = min(e.low for e in ends), max(e.high for e in ends)
    begin, end = (
        cadence.floor(_local(moment)).strftime(cadence.format) for moment in (first, last)
    )
    return len(cadence.keys(begin, end))


def _local(moment: date | datetime) -> datetime:
    """A moment of UTC as the calendar counts it, whose zone is UTC here."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time.min)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
