"""What one campaign found, in words that a page or a file can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

from tests.faults.outside import Systems


@dataclass(frozen=True)
class Bench:
    """Where a campaign works: servers it may use, an empty folder of its own."""

    systems: Systems
    folder: Path

    def database(self, word: str) -> str:
        """Make a database that no other campaign of the session has; give its name."""
        name = f"{word}_{crc32(str(self.folder).encode()):08x}".lower()
        self.systems.postgres.ensure_database(name)
        return name


@dataclass(kw_only=True)
class Outcome:
    """How many cases ran, what was seen, what was wrong; `left_out` says why none could run."""

    count: int
    figures: Mapping[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    left_out: str = ""


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """A kind of fault, how often it is provoked, what must hold then."""

    holds: str
    count: int
    run: Callable[[Bench, int, int], Outcome]
