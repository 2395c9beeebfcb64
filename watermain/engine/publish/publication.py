"""What a publish is asked for, what it did."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from watermain.clock import Clock
from watermain.declare.check import Check
from watermain.declare.dataset import Dataset
from watermain.declare.errors import BrokenContractError
from watermain.declare.name import DatasetName
from watermain.declare.need import Needs
from watermain.engine.audit.need_check import need_labels, need_of, need_places
from watermain.engine.table.staged import Finding, own_checks
from watermain.lake.lake import Lake, text
from watermain.source.outside import Connections

MOST_KEYS = 20


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Damaged data files: paths that nothing reads, and numbers that the publish retires."""

    paths: tuple[str, ...]
    numbers: tuple[int, ...]

    @property
    def sound(self) -> str:
        """The SQL condition that a row lies in none of the files, which are not even opened."""
        return f"filename not in ({', '.join(map(text, self.paths))})"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a publish needs to know beside the dataset: where, who asks and how to find others.

    Shapes: `connections` are those that the company declares, by which sources are reached;
    with a `cut` the partitions of damaged files are computed anew, all or none.
    """

    lake: Lake
    find: Callable[[DatasetName], Dataset]
    run_id: str = "by hand"
    clock: Clock = field(default_factory=Clock)
    rebuild: bool = False
    cut: Cut | None = None
    connections: Connections = field(default_factory=dict)


def check_labels(dataset: Dataset) -> list[tuple[str, str]]:
    """Every check of a publish and its severity: declared, needed and the platform's own."""
    declared = [(c.label, str(c.severity)) for c in dataset.all_checks]
    return declared + need_labels(dataset) + own_checks(dataset)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened to one partition; `partition` is "" for an unpartitioned dataset.

    Shapes: `aside` counts the rows put aside by the first rule that each breaks.
    """

    partition: str
    rows_in: int
    rows_out: int
    data_version: str
    findings: tuple[Finding, ...]
    published: bool
    aside: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def blocked(self) -> bool:
        """Whether a blocking check held the partition back."""
        return any(f.blocks for f in self.findings)

    @property
    def failing(self) -> str:
        """The rows that broke a check, by check, as the ledger keeps them."""
        broken = {f.check: f.failing for f in self.findings if not f.passed}
        return json.dumps(broken) if broken else "{}"


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What a publish did for all its partitions; `stood` are those that were there before."""

    dataset: Dataset
    outcomes: tuple[Outcome, ...]
    code_version: str
    input_snapshot: int
    output_snapshot: int
    seconds: float
    bytes: int
    peak_memory: int
    samples: Mapping[str, list[str]] = field(default_factory=dict)
    idle_because: str = "no new rows"
    stood: frozenset[str] = frozenset()

    def place(self, label: str) -> str:
        """Where a check stands in the code; one that the contract implies stands with it."""
        placed = {c.label: c.declared for c in self.dataset.all_checks}
        placed |= need_places(self.dataset)
        return placed.get(label) or self.dataset.declared

    def refuse_blocked(self) -> None:
        """Raise for the partitions that a blocking check held back.

        Raises: BrokenContractError.
        """
        blocked = [(o, f) for o in self.outcomes for f in o.findings if f.blocks]
        if not blocked:
            return
        outcome, finding = blocked[0]
        name, where = self.dataset.name, outcome.partition or "whole table"
        need = need_of(self.dataset, finding.check)
        held = sorted({o.partition for o, _ in blocked})
        more = f" (the first of {len(blocked)} failures in {len(held)} partitions)" * (
            len(blocked) > 1
        )
        keys = self.samples.get(finding.check, [])
        looked = str(need[0].dataset) if need else f"{name} {outcome.partition}".rstrip()
        raise BrokenContractError(
            f"{name} [{where}]: {_broken(finding, need)}{more}"
            + (f", such as {', '.join(keys)}" if keys else ""),
            declared=f"{self.place(finding.check)}  {finding.check}, severity block",
            data=f"not published; {'; '.join(self._left(held))}",
            next=f"watermain explain {looked}",
        )

    def _left(self, held: list[str]) -> Iterator[str]:
        """What readers have of the partitions that are held back, and then of the others."""
        old = [key for key in held if key in self.stood]
        new = [key for key in held if key not in self.stood]
        if old:
            of = "it" if len(self.outcomes) == 1 else _listed(old)
            yield f"readers still see snapshot {self.input_snapshot} of {of}"
        if new:
            of = "it" if not self.stood and len(new) == len(self.outcomes) else _listed(new)
            yield f"nothing of {of} was ever published"
        others = len(self.outcomes) - len(held)
        if others:
            yield f"the other {others} of {len(self.outcomes)} partitions stand"


def _listed(keys: list[str]) -> str:
    """Partitions by name; where there are very many, the first and how many follow."""
    if keys == [""]:
        return "it"
    more = f" and {len(keys) - MOST_KEYS} more" if len(keys) > MOST_KEYS else ""
    return ", ".join(keys[:MOST_KEYS]) + more


def _broken(finding: Finding, need: tuple[Needs, Check | None] | None) -> str:
    """What a finding says of the rows, or of an input that a reader relies on."""
    if need is None:
        return f"{finding.failing} of {finding.rows} rows break `{finding.check}`"
    wanted, guarantee = need
    if guarantee is None:
        lacks = f"{finding.failing} of the {len(wanted.columns)} columns"
        return f"it needs {wanted.dataset}, which lacks {lacks} (`{finding.check}`)"
    rows = f"{finding.failing} of {finding.rows} rows"
    return f"it needs {wanted.dataset}, of which {rows} break `{finding.check}`"


def runs_of(passing: list[str], keys: list[str]) -> list[list[str]]:
    """Cut the passing keys into runs without a gap."""
    if not passing:
        return []
    order = {key: i for i, key in enumerate(keys)}
    runs = [[passing[0]]]
    for before, after in pairwise(passing):
        if order[after] == order[before] + 1:
            runs[-1].append(after)
        else:
            runs.append([after])
    return runs
