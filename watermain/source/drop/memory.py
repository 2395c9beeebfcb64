"""A memory of files seen before, which may be lost at any time without harm."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import RLock
from typing import Self

from watermain import durable
from watermain.source.drop.store import Look


class Memory:
    """Remember the hash of each file by its stamp, so that no file is hashed at every tick.

    Guarantees: a lost or broken memory only makes the next look slower; the ledger decides. One
    thread may learn what it reads while another notes what was delivered.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hashes: dict[str, tuple[list[int | str], str]] = {}
        self._delivered: set[str] = set()
        self._changed = False
        self._lock = RLock()

    def load(self) -> Self:
        """Read what was saved last, by whichever process."""
        try:
            state = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return self
        self._hashes = {n: (list(stamp), value) for n, (stamp, value) in state["hashes"].items()}
        self._delivered = set(state["delivered"])
        return self

    def hash_of(self, look: Look) -> str | None:
        """Give the hash, when the file has not changed since it was taken."""
        stamp, value = self._hashes.get(look.name, ([], ""))
        return value if stamp == look.stamp else None

    def is_delivered(self, look: Look) -> bool:
        """Say whether the lake is known to hold this content."""
        return self.hash_of(look) in self._delivered

    def learn(self, look: Look, value: str) -> None:
        """Remember a file's hash."""
        with self._lock:
            self._hashes[look.name] = (look.stamp, value)
            self._changed = True

    def deliver(self, values: Iterable[str]) -> None:
        """Remember what the lake holds, of the files known here."""
        with self._lock:
            known = {value for _, value in self._hashes.values()}
            fresh = known.intersection(values) - self._delivered
            self._delivered |= fresh
            self._changed = self._changed or bool(fresh)

    def save(self, names: Iterable[str] | None = None) -> None:
        """Write what changed, forgetting files other than `names` when these are given."""
        with self._lock:
            self._save(names)

    def _save(self, names: Iterable[str] | None) -> None:
        if names is not None:
            kept = set(names)
            self._changed = self._changed or not kept.issuperset(self._hashes)
            self._hashes = {n: pair for n, pair in self._hashes.items() if n in kept}
        if not self._changed:
            return
        known = {value for _, value in self._hashes.values()}
        state: Mapping[str, object] = {
            "hashes": self._hashes,
            "delivered": sorted(self._delivered & known),
        }
        durable.replace(self.path, json.dumps(state))
        self._changed = False
