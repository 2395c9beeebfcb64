"""Rows to audit with what is known about them, beside what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.table.partition import Span
from watermain.lake.lake import text

WINDOW = "within_partition"
ADDS_UP = "adds_up"
LIMIT = "quarantine_limit"
NEEDS = "needs_"
KNOWN = "known_columns"
RUNBOOKS = {
    WINDOW: "rows-outside-their-partition",
    ADDS_UP: "counts-do-not-add-up",
    LIMIT: "rows-in-quarantine",
    NEEDS: "an-input-lacks-what-is-needed",
    KNOWN: "unknown-columns",
}


class Finding(NamedTuple):
    """What one check found in one partition, by which route and in how many seconds."""

    check: str
    partition: str
    failing: int
    rows: int
    severity: str
    route: str = "counted"
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether no row broke the rule."""
        return self.failing == 0

    @property
    def blocks(self) -> bool:
        """Whether the finding holds the partition back."""
        return not self.passed and self.severity == "block"


def outside(rows: Mapping[str, int], inserted: int, where: str) -> list[Finding]:
    """Rows whose event time lies outside the partitions asked for break the window."""
    stray = max(0, inserted - sum(rows.values()))
    if where == "true":
        return []
    return [
        Finding(check=WINDOW, partition=key, failing=stray, rows=count, severity="block")
        for key, count in rows.items()
    ]


@dataclass(frozen=True, kw_only=True)
class Staged:
    """The rows to audit: a relation, how it is cut and where other datasets are read.

    Shapes: `files` hold `written` rows, all staged ones among them; with `history` the relation's
    other rows are rows of other partitions, except those in damaged files, which are not `sound`.
    """

    dataset: Dataset
    relation: str
    where: str
    span: Span | None
    others: Callable[[DatasetName], str]
    files: tuple[str, ...] = ()
    written: int = 0
    history: bool = False
    sound: str = "true"
    now: datetime = field(default_factory=lambda: Clock().now())

    @property
    def key(self) -> str:
        """The SQL expression of a row's partition."""
        return self.named(self.floor)

    @property
    def floor(self) -> str:
        """The SQL expression of what stands for a row's partition, cheap to group by."""
        return "''" if self.span is None else self.span.floor(self.dataset.contract)

    def named(self, floor: str) -> str:
        """The SQL expression that turns such a value into the partition's key."""
        return floor if self.span is None else self.span.named(floor)

    def within(self, keys: list[str]) -> str:
        """The SQL condition that a row lies in one of these partitions."""
        listed = ", ".join(map(text, keys))
        return self.where if self.span is None else f"{self.where} and {self.key} in ({listed})"


def own_checks(dataset: Dataset) -> list[tuple[str, str]]:
    """The checks that the platform adds to the declared ones, each with its severity."""
    found = [(WINDOW, "block")] if dataset.cadence else []
    if dataset.is_computed and dataset.can_quarantine:
        found += [(ADDS_UP, "block"), (LIMIT, "block")]
    if dataset.is_captured:
        found += [(KNOWN, "warn")]
    return found


def runbook(dataset: Dataset, label: str) -> str:
    """The page that says what to do when a check fails."""
    pages = {c.label: c.runbook for c in dataset.all_checks} | RUNBOOKS
    if label not in pages and any(label.startswith(f"{NEEDS}{a}_") for a in dataset.needs):
        label = NEEDS
    return f"docs/runbooks/{pages.get(label, 'rows-break-a-rule')}.md"
