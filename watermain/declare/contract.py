"""The contract of a dataset."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

import pyarrow as pa

from watermain.declare.column.drift import Drift
from watermain.declare.errors import (
    ContradictoryContractError,
    InvalidDeclarationError,
    quoted,
)
from watermain.declare.quarantine import UNLIMITED, Quarantine

_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){2}")


class Sensitivity(StrEnum):
    """Classify what a column would reveal."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    SECRET = "secret"


@dataclass(frozen=True)
class Column:
    """Promise one column: its name, Arrow type and meaning.

    Units: `unit` names what a number counts, such as `USD` or `minutes`.
    """

    name: str
    type: pa.DataType
    description: str
    unit: str | None = None
    sensitivity: Sensitivity = Sensitivity.INTERNAL
    nullable: bool = True


@dataclass(frozen=True)
class Migration:
    """Tell readers what to do when they come to a version that breaks the one before."""

    version: str
    readers: str

    def __post_init__(self) -> None:
        if not _VERSION.fullmatch(self.version) or not self.readers.strip():
            raise InvalidDeclarationError.nothing_happened(
                f"{self!r} tells readers nothing",
                declared="Migration",
                next="give the version as `major.minor.patch`, then what its readers must do",
            )

    @property
    def major(self) -> int:
        """The major version that it leads to."""
        return int(self.version.split(".")[0])


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Promise what a table holds: grain, key, event time and columns.

    The key `()` is that of a table with one row; `keyless` says that rows have none, so that
    nobody checks whether one comes twice.
    `repeats_within` is for what is captured: a row whose key raw holds already is a repeat, which
    is left out and counted. It promises that no key comes again with an event time further from its
    first than that, so that no more of raw is searched; `timedelta.max` promises nothing. `drift`
    is for what is captured, too: a column that the contract does not know goes to `_extra` as text
    (`divert`), gets a column of its own (`evolve`) or stops the capture (`freeze`).
    Guarantees: a contract that contradicts itself cannot be constructed.
    Raises: ContradictoryContractError.
    """

    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    event_time: str | None = None
    version: str = "1.0.0"
    repeats_within: timedelta | None = None
    migrations: tuple[Migration, ...] = ()
    quarantine: Quarantine = UNLIMITED
    drift: Drift = "divert"
    keyless: bool = False

    def __post_init__(self) -> None:
        for complaint in self._complaints():
            raise ContradictoryContractError.nothing_happened(
                f"contract `{self.grain}`: {complaint}",
                declared="Contract",
                next=f"name columns among {quoted(c.name for c in self.columns)}",
            )

    def _complaints(self) -> list[str]:
        names = [c.name for c in self.columns]
        found = []
        if not self.grain.strip():
            found.append("the grain is empty")
        if not _VERSION.fullmatch(self.version):
            found.append(f"version {self.version!r} is not `major.minor.patch`")
        if isinstance(self.key, str):
            found.append("the key must be a tuple of column names; `()` is for a table of one row")
            return found
        if self.keyless and self.key:
            found.append("it names a key, and says that it has none")
        within = self.repeats_within
        if within is not None and within < timedelta(0):
            found.append(f"repeats_within {within} is negative")
        if within not in (None, timedelta.max) and self.event_time is None:
            found.append("repeats_within needs an event time, unless it is `timedelta.max`")
        known = Counter(names)
        found += [f"column `{n}` is declared twice" for n, times in known.items() if times > 1]
        cased = Counter(n.lower() for n in known)
        found += [f"columns named `{n}` differ by case alone" for n, t in cased.items() if t > 1]
        found += ["a column has no name"] if "" in known else []
        found += [f"key column `{k}` is not a column" for k in self.key if k not in known]
        if len(set(self.key)) != len(self.key):
            found.append("the key names a column twice")
        if self.event_time is not None:
            if self.event_time not in names:
                found.append(f"event time `{self.event_time}` is not a column")
            elif not pa.types.is_temporal(self.column(self.event_time).type):
                kind = self.column(self.event_time).type
                found.append(f"event time `{self.event_time}` is {kind}, not a timestamp or date")
        return found

    def column(self, name: str) -> Column:
        """The column of that name."""
        return self._by_name[name]

    def demands(self, name: str) -> bool:
        """Whether the column is never null, by its own word or as part of the key."""
        return name in self.key or not self.column(name).nullable

    @property
    def key_told(self) -> str:
        """The key in words."""
        none = (
            "none, so uniqueness is not checked" if self.keyless else "none, for there is one row"
        )
        return ", ".join(self.key) or none

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {c.name: c for c in self.columns}

    @property
    def holds_sensitive(self) -> bool:
        """Whether any column is personal or secret."""
        return any(self.is_sensitive(column.name) for column in self.columns)

    def is_sensitive(self, name: str) -> bool:
        """Whether a column's values are for nobody's eyes."""
        return self.column(name).sensitivity in (Sensitivity.PERSONAL, Sensitivity.SECRET)

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the table."""
        return pa.schema([pa.field(c.name, c.type) for c in self.columns])

    @cached_property
    def hash(self) -> str:
        """A fingerprint of everything the contract promises."""
        return hashlib.sha256(json.dumps(self.facts(), sort_keys=True).encode()).hexdigest()[:16]

    def facts(self) -> dict[str, Any]:
        """The contract as plain values."""
        within = self.repeats_within
        return {
            **({} if within is None else {"repeats_within_seconds": within.total_seconds()}),
            **({"keyless": True} if self.keyless else {}),
            "grain": self.grain,
            "key": list(self.key),
            "event_time": self.event_time,
            "version": self.version,
            "columns": [
                {
                    "name": c.name,
                    "type": str(c.type),
                    "description": c.description,
                    "unit": c.unit,
                    "sensitivity": c.sensitivity.value,
                    "nullable": c.nullable,
                }
                for c in self.columns
            ],
        }
