"""A made-up company with a ledger in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from watermain.declare import Column, Contract, Daily, Dataset, Kafka, Monthly, dataset, needs, raw
from watermain.declare.cadence import Cadence, Hourly
from watermain.declare.name import DatasetName
from watermain.engine.plan.request import Request
from watermain.engine.table.reads import needed_keys, version
from watermain.lake.ledger import Standing

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
START = date(2026, 3, 5)
CADENCES: tuple[Cadence | None, ...] = (
    Daily(start=START),
    Daily(start=START),
    Monthly(start=date(2026, 2, 1)),
    Hourly(start=START),
    None,
)
CONTRACT = Contract(
    grain="one row per thing",
    key=("id",),
    event_time="at",
    columns=(
        Column("id", pa.string(), "the thing"),
        Column("at", pa.timestamp("us", "UTC"), "when it happened"),
    ),
)


def source(name: str, cadence: Cadence | None) -> Dataset:
    """A captured dataset."""
    return raw(
        name,
        source=Kafka(connection="bus", topic=name.replace(".", "-")),
        contract=CONTRACT,
        owner="team:test",
        cadence=cadence,
    )


def made(name: str, cadence: Cadence | None, inputs: Mapping[str, Mapping[str, Any]]) -> Dataset:
    """A dataset computed from others, each read as its words say."""
    read = {
        f"i{n}": needs(each, columns=("id",), **words)
        for n, (each, words) in enumerate(inputs.items())
    }
    body = (_of_one, _of_two, _of_three)[len(read) - 1]
    return dataset(name, contract=CONTRACT, owner="team:test", cadence=cadence, inputs=read)(body)


def _of_one(i0: Any) -> Any:
    """Make things of things."""
    return i0


def _of_two(i0: Any, i1: Any) -> Any:
    """Make things of two kinds."""
    return i0, i1


def _of_three(i0: Any, i1: Any, i2: Any) -> Any:
    """Make things of three kinds."""
    return i0, i1, i2


@dataclass(frozen=True)
class Telling:
    """One publish, with what the rows were made of."""

    snapshot: int
    standing: Standing
    content: str
    read: Mapping[tuple[DatasetName, str], str]


@dataclass
class World:
    """A ledger in memory: publishes as the engine would, and tells what planners ask.

    Guarantees: `content` is what the rows are, told by nothing that a planner knows.
    """

    datasets: dict[DatasetName, Dataset]
    now: datetime = NOW
    rows: dict[DatasetName, dict[str, list[Telling]]] = field(default_factory=dict)
    code: dict[DatasetName, int] = field(default_factory=dict)
    snapshot: int = 0
    refused: set[tuple[DatasetName, str]] = field(default_factory=set)
    log: list[tuple[int, DatasetName, str]] = field(default_factory=list)
    forgets_before: int = -1

    def present(self) -> int:
        return self.snapshot

    def changed(self, since: int) -> set[tuple[str, str]] | None:
        if since < self.forgets_before:
            return None
        return {(str(n), k) for at, n, k in self.log if at > since}

    def standing(self, names: Iterable[DatasetName]) -> dict[DatasetName, dict[str, Standing]]:
        return {n: {k: of[-1].standing for k, of in self.rows.get(n, {}).items()} for n in names}

    def then(self, name: DatasetName, snapshot: int) -> dict[str, str]:
        found = {}
        for key, of in self.rows.get(name, {}).items():
            before = [t for t in of if t.snapshot <= snapshot]
            if before:
                found[key] = before[-1].standing.version
        return found

    def codes(self, dataset: Dataset) -> tuple[str, ...]:
        return (f"code {self.code.get(dataset.name, 0)}",)

    def content(self, name: DatasetName, key: str) -> str | None:
        """What rows stand, if any do."""
        of = self.rows.get(name, {}).get(key)
        return of[-1].content if of else None

    def arrive(self, name: DatasetName, key: str) -> None:
        """Capture new rows of a partition."""
        standing = self._standing(f"batch {self.snapshot}", "none")
        self._publish(name, key, standing, f"rows {self.snapshot}", {})

    def compute(self, name: DatasetName, key: str) -> bool:
        """Publish one partition as the engine does; whether anything changed."""
        if (name, key) in self.refused:
            return False
        it = self.datasets[name]
        inputs = {n: self.datasets[n] for n in it.inputs.values()}
        known = self.standing(inputs)
        versions = {n: {k: s.version for k, s in of.items()} for n, of in known.items()}
        wanted = version(it, key, self.codes(it)[0], versions, inputs, snapshot=0)
        stands = self.rows.get(name, {}).get(key)
        if stands and stands[-1].standing.version == wanted:
            return False
        content, read = self.computed(name, key)
        self._publish(name, key, self._standing(wanted, self.codes(it)[0]), content, read)
        return True

    def computed(
        self, name: DatasetName, key: str, kept: Mapping[tuple[DatasetName, str], str] | None = None
    ) -> tuple[str, dict[tuple[DatasetName, str], str]]:
        """What the rows of a partition would be now; of `kept` inputs as they were read then."""
        it, read = self.datasets[name], {}
        for each in sorted(set(it.inputs.values())):
            old = {k: c for (n, k), c in (kept or {}).items() if n == each}
            if old:
                read |= {(each, k): c for k, c in old.items()}
                continue
            known = self.rows.get(each, {})
            for k in needed_keys(it, self.datasets[each], key, known):
                if k in known:
                    read[each, k] = known[k][-1].content
        told = repr((self.codes(it), sorted(read.items())))
        return hashlib.sha256(told.encode()).hexdigest()[:12], read

    def _standing(self, made_of: str, code: str) -> Standing:
        return Standing(made_of, 1, 1, [code], code, self.snapshot, self.now, 0.1)

    def _publish(
        self,
        name: DatasetName,
        key: str,
        standing: Standing,
        content: str,
        read: Mapping[tuple[DatasetName, str], str],
    ) -> None:
        self.snapshot += 1
        telling = Telling(self.snapshot, standing, content, dict(read))
        self.rows.setdefault(name, {}).setdefault(key, []).append(telling)
        self.log.append((self.snapshot, name, key))

    def run(self, request: Request) -> list[tuple[DatasetName, str]]:
        """Do what a request asks for; give what was published."""
        keys = request.span.keys if request.span else [""]
        return [(name, key) for name in request.names for key in keys if self.compute(name, key)]

    def pass_time(self, by: timedelta) -> None:
        self.now += by


def edited(world: World, name: DatasetName) -> None:
    """Change the code of a dataset."""
    world.code[name] = world.code.get(name, 0) + 1


__all__ = ["CADENCES", "NOW", "START", "World", "edited", "made", "replace", "source"]
