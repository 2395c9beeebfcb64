"""The plan of an audit: by which route each check is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb

from watermain.declare.check import (
    Check,
    FreshWithin,
    Matches,
    Query,
    RefersTo,
    RowCount,
    Steady,
    UniqueKey,
)
from watermain.declare.dataset import Dataset
from watermain.engine.audit.footers import Footers, dense, proven, read_footers
from watermain.engine.audit.rule import looks_back, violation
from watermain.engine.table.staged import Staged

FOOTERS = "file footers"
SCAN = "shared scan"
DISTINCT = "distinct values"
ANTI_JOIN = "anti-join"
BITMAP = "one bit for each key"
HASHES = "key hashes in the shared scan"
COUNTS = "counts of the shared scan"
NEWEST = "newest value of each partition"
LEDGER = "means in the ledger"
QUERY = "a query of its own"
NAMED = "the key names its partition"
SEMI_JOIN = "history by semi-join, cut to the new keys' range"


class Step(NamedTuple):
    """One check and its route; for a key also how the other partitions are ruled out."""

    check: Check
    route: str
    history: str = ""

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.route, self.history)))


class Plan(NamedTuple):
    """The steps of an audit, and the footers that chose them."""

    steps: tuple[Step, ...]
    footers: Footers

    def by(self, *routes: str) -> list[Step]:
        """The steps that go by one of the routes."""
        return [s for s in self.steps if s.route in routes]


def plan(connection: duckdb.DuckDBPyConnection, staged: Staged, checks: Sequence[Check]) -> Plan:
    """Give each check the cheapest route that still counts exactly."""
    names = sorted({n for c in checks for n in c.columns()})
    footers = read_footers(staged.files, names)
    if not staged.files or footers.rows != staged.written:
        footers = Footers()  # rows lie elsewhere too, such as in the catalog
    shown = proven(connection, staged.dataset.contract, footers, checks)
    return Plan(tuple(_step(c, staged, footers, shown) for c in checks), footers)


def foreseen(dataset: Dataset) -> dict[str, str]:
    """The route of each check before any row is seen: what footers may prove is still scanned."""
    staged = Staged(
        dataset=dataset,
        relation="",
        where="true",
        span=None,
        others=str,
        history=dataset.cadence is not None,
    )
    steps = [_step(c, staged, Footers(), set()) for c in dataset.all_checks]
    return {s.check.label: str(s) for s in steps}


def _step(check: Check, staged: Staged, footers: Footers, shown: set[str]) -> Step:
    if check.label in shown:
        return Step(check, FOOTERS)
    if isinstance(check, UniqueKey):
        kind = staged.dataset.contract.column(check.key[0]).type
        few = len(check.key) == 1 and dense(kind, footers, check.key[0]) is not None
        back = SEMI_JOIN if looks_back(staged, check) else NAMED if staged.history else ""
        return Step(check, BITMAP if few else HASHES, back)
    if isinstance(check, RefersTo):
        is_coded = isinstance(check.column, str) and footers.is_coded(check.column)
        return Step(check, DISTINCT if is_coded else ANTI_JOIN)
    if isinstance(check, Matches) and footers.is_coded(check.column):
        return Step(check, DISTINCT)
    routes = {RowCount: COUNTS, FreshWithin: NEWEST, Steady: LEDGER, Query: QUERY}
    if type(check) in routes:
        return Step(check, routes[type(check)])
    if violation(check) is None:
        raise TypeError(f"no route for {type(check).__name__}")
    return Step(check, SCAN)
