"""What Dagster is to be told of streams, remembered from look to look."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

TELL_EVERY = timedelta(minutes=10)  # of a partition that a stream goes on filling
CHECK_EVERY = timedelta(hours=1)  # of checks whose results stay what they are

Key = tuple[str, str]


@dataclass(kw_only=True)
class CheckNews:
    """What the checks of a dataset found since they were told, and when and what that was."""

    at: float = 0.0
    failed: list[str] = field(default_factory=list)
    rows: int = 0
    failing: dict[str, int] = field(default_factory=dict)


@dataclass(kw_only=True)
class Told:
    """The memory of the sensor that tells, which is its cursor.

    Shapes: partitions by dataset and key; `waiting` are the rows that they gained and the rows that
    broke checks since they were told; `at` is the instant of the last look, in seconds since 1970.
    """

    snapshot: int | None = None
    at: float = 0.0
    told: dict[Key, float] = field(default_factory=dict)
    waiting: dict[Key, tuple[int, dict[str, int]]] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: dict[str, CheckNews] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> Told:
        """Read a cursor; an earlier release's is the number of a snapshot."""
        if not cursor or cursor.isdigit():
            return cls(snapshot=int(cursor) if cursor else None)
        kept = json.loads(cursor)
        return cls(
            snapshot=kept["snapshot"],
            at=kept["at"],
            told={(name, key): at for name, key, at in kept["told"]},
            waiting={(name, key): (rows, failing) for name, key, rows, failing in kept["waiting"]},
            facts=kept["facts"],
            checks={name: CheckNews(**each) for name, each in kept["checks"].items()},
        )

    def cursor(self) -> str:
        """Write it down."""
        return json.dumps(
            {
                "snapshot": self.snapshot,
                "at": self.at,
                "told": [(*key, int(at)) for key, at in self.told.items()],
                "waiting": [(*key, *each) for key, each in self.waiting.items()],
                "facts": self.facts,
                "checks": {name: vars(each) for name, each in self.checks.items()},
            }
        )

    def add(self, name: str, partition: str, rows: int, failing: Mapping[str, int]) -> None:
        """Let a partition wait that gained rows, of which some broke checks."""
        key = (name, partition)
        before, broken = self.waiting.get(key, (0, {}))
        self.waiting[key] = (before + rows, dict(Counter(broken) + Counter(failing)))
        checked = self.checks.setdefault(name, CheckNews())
        checked.rows += rows
        checked.failing = dict(Counter(checked.failing) + Counter(failing))

    def count(self, name: str, counted: Mapping[str, int], lag: float | None) -> None:
        """Add what batches of a captured dataset counted."""
        before = self.facts.get(name, {})
        self.facts[name] = {each: before.get(each, 0) + n for each, n in counted.items()}
        if lag is not None:
            self.facts[name]["lag_seconds"] = lag

    def due(self, now: datetime) -> list[Key]:
        """The partitions that it is time to tell of, the newest first.

        Guarantees: a check that begins to fail is told at once.
        """
        return sorted(
            (k for k in self.waiting if self._is_due(k, now)),
            key=lambda k: (k[1], k[0]),
            reverse=True,
        )

    def _is_due(self, key: Key, now: datetime) -> bool:
        since = now.timestamp() - self.told.get(key, 0.0)
        checked = self.checks.get(key[0], CheckNews())
        turned = set(checked.failing) - set(checked.failed)
        return bool(turned) or not 0 <= since < TELL_EVERY.total_seconds()

    def taken_facts(self, name: str) -> dict[str, Any]:
        """What was counted since it was told, which it is now."""
        return self.facts.pop(name, {})

    def taken_checks(self, name: str) -> tuple[dict[str, int] | None, int]:
        """The rows that broke checks, of how many, if it is time to tell; None while it is not."""
        checked = self.checks.setdefault(name, CheckNews())
        failed = sorted(checked.failing)
        recent = 0 <= self.at - checked.at < CHECK_EVERY.total_seconds()
        if recent and failed == checked.failed:
            return None, 0
        self.checks[name] = CheckNews(at=self.at, failed=failed)
        return checked.failing, checked.rows

    def forget(self, due: Iterable[Key], now: datetime) -> None:
        """Note that partitions were told, and leave out what need not be remembered."""
        for key in due:
            self.waiting.pop(key)
            self.told[key] = now.timestamp()
        least = (now - TELL_EVERY).timestamp()
        self.told = {key: at for key, at in self.told.items() if at > least}
