"""A lake whose feature tables hold what a test gives, with an oracle in plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from watermain.declare import Column, Contract, Dataset, DatasetName, Feature, feature_table
from watermain.engine.feature.training import OfflineStore
from watermain.lake.lake import Lake, table
from watermain.testing import TrialLake

INSTANT = pa.timestamp("us", "UTC")
AIRPORT = Feature(entity=("airport",))
START = datetime(2013, 3, 10, tzinfo=UTC)  # New York's clocks went forward that day
Row = tuple[Any, ...]


def minute(number: float) -> datetime:
    """An instant so many minutes after the start."""
    return START + timedelta(minutes=number)


def declare(
    name: str = "prediction.features.delay",
    feature: Feature = AIRPORT,
    features: Mapping[str, pa.DataType] | None = None,
    numbers: Sequence[str] = (),
    **words: Any,
) -> Dataset:
    """A feature table; the entities named in `numbers` are whole numbers, others text."""
    known = [feature.known_at] if feature.known_at else []
    contract = Contract(
        grain="one row per entity and event",
        key=(*feature.entity, "event_at", *known),
        event_time="event_at",
        columns=(
            *(
                Column(e, pa.int64() if e in numbers else pa.string(), "whom")
                for e in feature.entity
            ),
            Column("event_at", INSTANT, "since when"),
            *(Column(k, INSTANT, "known since", nullable=False) for k in known),
            *(Column(n, t, "a value") for n, t in (features or {"mean": pa.int64()}).items()),
        ),
        **words,
    )

    @feature_table(name, feature=feature, contract=contract, owner="team:prediction")
    def made() -> pa.Table:
        """Hold nothing."""
        return contract.schema.empty_table()

    return made


@dataclass
class FeatureLake:
    """A lake with the feature tables that are declared in it."""

    lake: Lake
    known: dict[DatasetName, Dataset] = field(default_factory=dict)

    @property
    def store(self) -> OfflineStore:
        """What is tested."""
        return OfflineStore(self.lake, self.known)

    def add(self, *datasets: Dataset) -> None:
        """Declare tables."""
        self.known |= {d.name: d for d in datasets}

    def publish(self, dataset: Dataset, rows: Iterable[Row] | pa.Table) -> None:
        """Publish rows through stage, audit, publish."""
        self.add(dataset)
        given = rows if isinstance(rows, pa.Table) else as_table(dataset, rows)
        TrialLake(self.lake, known=self.known).given(dataset, given)

    def fill(self, dataset: Dataset, rows: Iterable[Row]) -> None:
        """Put rows straight into the table, whatever the audits would say."""
        self.add(dataset)
        with self.lake.get_connection() as connection:
            connection.register("given", as_table(dataset, rows))
            connection.execute(f'create schema if not exists lake."{dataset.name.schema}"')
            connection.execute(f"create or replace table {table(dataset.name)} as from given")
            connection.unregister("given")


def as_table(dataset: Dataset, rows: Iterable[Row]) -> pa.Table:
    """Rows in the order of the contract's columns."""
    names = dataset.contract.schema.names
    return pa.Table.from_pylist(
        [dict(zip(names, row, strict=True)) for row in rows], schema=dataset.contract.schema
    )


def right_answer(
    dataset: Dataset, facts: Iterable[Row], entity: Row, at: datetime
) -> tuple[Any, ...] | None:
    """The features that were known of the entity at that instant, the slow way."""
    feature = dataset.feature
    assert feature is not None
    width, knows = len(feature.entity), feature.known_at is not None
    best: Row | None = None
    for fact in facts:
        when = fact[width : width + 1 + knows]
        if fact[:width] != entity or max(when) > at:
            continue
        if best is None or (when, repr_of(dataset, fact)) > (
            best[width : width + 1 + knows],
            repr_of(dataset, best),
        ):
            best = fact
    if best is None or None in entity:
        return None
    if feature.max_age is not None and at - best[width] > feature.max_age:
        return None
    return tuple(best[width + 1 + knows :])


def repr_of(dataset: Dataset, fact: Row) -> str:
    """The features as ties are decided: what is written last wins."""
    names = dataset.contract.schema.names
    values = dict(zip(names, fact, strict=True))
    assert dataset.feature is not None
    return repr([{n: values[n] for n in dataset.feature.columns(dataset.contract)}])
