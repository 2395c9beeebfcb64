"""Which partitions of a dataset have new inputs or new code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.code.code import code_version
from watermain.engine.publish.publication import Job
from watermain.engine.table.partition import Span
from watermain.engine.table.reads import Versions, grown, plain, version
from watermain.lake import ledger
from watermain.lake.fence import Lease

Inputs = Mapping[DatasetName, Mapping[str, ledger.Standing]]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a publish is asked for, and the connection and the lease that it works under."""

    dataset: Dataset
    span: Span | None
    job: Job
    connection: duckdb.DuckDBPyConnection
    lease: Lease

    @property
    def keys(self) -> list[str]:
        """The partitions that are asked for; the whole table is one."""
        return self.span.keys if self.span else [""]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What is to be computed, decided at one snapshot and never changed afterwards.

    Shapes: `wanted` is the version that each partition has when all is done; `changed` are those
    to compute, without a gap, and `stale` those of them that have a reason; `stood` had rows when
    it was decided, and `standing` may have them by now. `at` is where inputs are read: empty for
    the transaction's own snapshot. `is_unsure` says that former versions of code, which mean
    today's, must be looked for first, and `grows` that the rows follow from those that stand.
    """

    snapshot: int
    code: str
    wanted: Mapping[str, str]
    changed: tuple[str, ...]
    inputs: Inputs
    stood: frozenset[str]
    standing: frozenset[str]
    is_first: bool
    is_unsure: bool
    at: str = ""
    stale: tuple[str, ...] = ()
    grows: bool = False

    @property
    def unchanged(self) -> list[str]:
        """The partitions that stand as they would be computed."""
        return [key for key in self.wanted if key not in self.changed]

    def again(self) -> Self:
        """The same in a later transaction, which an earlier one may have filled the table for."""
        return replace(
            self,
            at=f" at (version => {self.snapshot})",
            is_first=False,
            standing=self.standing | set(self.changed),
        )


def decide(work: Work, former: tuple[str, ...] | None) -> Decision:
    """Decide at the snapshot that the connection sees.

    Shapes: `former` are versions of code that mean today's; None while nobody looked for them.
    """
    code, dataset = code_version(work.dataset), work.dataset
    snapshot = work.job.lake.snapshot(work.connection)
    names = {*dataset.inputs.values(), dataset.name}
    inputs = ledger.standing(work.connection, names)
    own = inputs.pop(dataset.name)
    is_unsure = former is None and any(c != code for s in own.values() for c in s.codes)
    known = {key: s.version for key, s in own.items()}
    versions = {n: {k: s.version for k, s in of.items()} for n, of in inputs.items()}
    keys, made = work.keys, _versions(work, versions, snapshot)
    wanted = {key: made(key, code) for key in keys}
    if dataset.growth is not None:
        wanted = {key: grown(v, snapshot) for key, v in wanted.items()}
    codes = (code, *(former or ()))
    stale = [
        key
        for key in keys
        if work.job.rebuild
        or key not in known
        or all(made(key, c) != plain(known[key]) for c in codes)
    ]
    changed = keys[keys.index(stale[0]) : keys.index(stale[-1]) + 1] if stale else []
    return Decision(
        snapshot=snapshot,
        code=code,
        wanted=wanted | {k: known[k] for k in keys if k not in changed},
        changed=tuple(changed),
        inputs=inputs,
        stood=frozenset(known),
        standing=frozenset(known),
        is_first=not known,
        is_unsure=is_unsure,
        stale=tuple(stale),
        grows=_grows(work, own, codes),
    )


def _grows(work: Work, own: Mapping[str, ledger.Standing], codes: Sequence[str]) -> bool:
    """Whether new rows follow from those that stand: today's code made them, or they are kept."""
    growth, stands = work.dataset.growth, own.get("")
    if growth is None or stands is None:
        return False
    return growth.keeps or (not work.job.rebuild and stands.code in codes)


def _versions(work: Work, versions: Versions, snapshot: int) -> Callable[[str, str], str]:
    """What tells the version that some code makes of a partition."""
    inputs = {name: work.job.find(name) for name in versions}

    def made(key: str, code: str) -> str:
        return version(work.dataset, key, code, versions, inputs, snapshot=snapshot)

    return made
