"""The name of one unbroken history of a table: a snapshot, then every change since."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

_LONGEST = 54


def slot_prefix(prefix: str, dataset: str) -> str:
    """Name a dataset's slots, within what PostgreSQL takes for a name of 63 bytes."""
    name = re.sub(r"[^a-z0-9_]", "_", f"{prefix}_{dataset}".lower())
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Generation:
    """Number the histories of one table on one server; each has a slot, and each is a shard.

    `table` is the table's object id, or 0 where a ledger does not say it.
    Guarantees: a slot found without its generation in the ledger was left by a snapshot that
    never reached the lake, and a generation in the ledger without its slot cannot go on.
    """

    prefix: str
    system: str
    number: int
    table: int = 0

    @property
    def slot(self) -> str:
        """Name the replication slot."""
        return f"{self.prefix}_{self.number}"

    @property
    def shard(self) -> str:
        """Name the shard within which positions are contiguous."""
        shard = f"{self.prefix}/{self.system}/{self.number}"
        return f"{shard}/{self.table}" if self.table else shard

    def following(self, table: int) -> Generation:
        """Name the history that begins when this one is lost."""
        return Generation(self.prefix, self.system, self.number + 1, table)


def latest(prefix: str, positions: Mapping[str, str]) -> tuple[Generation, str] | None:
    """Find the newest history among positions per shard, and how far it has come."""
    found = []
    for shard, position in positions.items():
        name, *parts = shard.split("/")
        if name == prefix and len(parts) in (2, 3):
            found.append((Generation(prefix, parts[0], *map(int, parts[1:])), position))
    return max(found, key=lambda pair: pair[0].number, default=None)
