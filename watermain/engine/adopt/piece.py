"""What stands outside, cut into the pieces that reach the lake one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from watermain.declare.errors import TerminalError

NOTHING_MADE = "nothing was written, neither a declaration nor a row"


class UnadoptableTableError(TerminalError):
    """Refuse a table that cannot be adopted as it is, before anything of it is made."""


def refused(what: str, where: str, next: str) -> UnadoptableTableError:
    """The four lines of a table that is left where it stands."""
    return UnadoptableTableError(what, declared=where, data=NOTHING_MADE, next=next)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a scan found in one piece: how much, and the ends of its event time.

    Shapes: `low` and `high` are event times as the engine gives them; `odd` says why its rows
    cannot be kept in the file that they are in, or is empty.
    """

    rows: int
    low: Any = None
    high: Any = None
    odd: str = ""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A Parquet file that is registered as it is, or rows that are written into one.

    Shapes: `name` is what rows tell as their `_file`; `constants` are columns whose one value is
    no part of the file; `mark` names the content where that is not the hash of the file's bytes;
    `why` says why the file is not registered as it is, and is empty where it is. `write` writes the
    rows into a new file; a piece with a `why` and without it is left to the capture of the source.
    """

    name: str
    bytes: int
    at: datetime
    path: Path | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    mark: str = ""
    why: str = ""
    write: Callable[[Path], None] | None = field(default=None, repr=False, compare=False)
    measured: Measured | None = None

    @property
    def rows(self) -> int:
        """How many rows it holds, as far as that was counted."""
        return self.measured.rows if self.measured else 0

    @property
    def is_linked(self) -> bool:
        """Whether the file is registered as it is."""
        return not self.why

    @property
    def is_left(self) -> bool:
        """Whether the capture of the source brings it."""
        return bool(self.why) and self.write is None


@dataclass(frozen=True, kw_only=True)
class TableStanding:
    """A table as it stands outside.

    Shapes: `kind` is one word for what it is, `place` where it lies and `name` what it is called;
    `schema` has its columns; `key` is the one that the system itself keeps; `notes` are sentences
    for whoever adopts it.
    """

    kind: str
    place: str
    name: str
    schema: pa.Schema
    pieces: Sequence[Piece] = ()
    key: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    described: Mapping[str, str] = field(default_factory=dict)
