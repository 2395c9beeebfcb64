"""Two versions of a feature table beside each other."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from watermain.declare.dataset import Dataset
from watermain.engine.feature.feature_drift import Drift, drifts
from watermain.lake.lake import quote, table


@dataclass(frozen=True, kw_only=True)
class FeatureChange:
    """One feature of both versions: how many common rows differ, and how its values moved."""

    feature: str
    changed: int
    old_mean: float | None
    new_mean: float | None
    drift: Drift


@dataclass(frozen=True, kw_only=True)
class FeatureDiff:
    """How two versions differ: rows by entity and event time, and features one by one."""

    both: int
    only_old: int
    only_new: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changes: tuple[FeatureChange, ...]


def feature_diff(connection: duckdb.DuckDBPyConnection, old: Dataset, new: Dataset) -> FeatureDiff:
    """Compare what is published of two versions of one feature table.

    Guarantees: rows meet by entity and event time, whatever the two contracts call that; of rows
    known more than once the last known counts; nulls equal nulls.
    """
    before, after = _features(old), _features(new)
    common = [f for f in before if f in after]
    joined = f"({_newest(old)}) as o full join ({_newest(new)}) as n using (_entity, _at)"
    differ = [f"o.{quote(f)} is distinct from n.{quote(f)}" for f in common]
    both = "o._there and n._there"
    counts = [f"count(*) filter ({both} and {d})" for d in differ]
    row = connection.execute(
        f"select count(*) filter ({both}), count(*) filter (o._there and n._there is null),"
        f" count(*) filter (n._there and o._there is null){''.join(f', {c}' for c in counts)}"
        f" from {joined}"
    ).fetchone() or (0, 0, 0)
    moved = drifts(connection, common, table(old.name), table(new.name))
    return FeatureDiff(
        both=row[0],
        only_old=row[1],
        only_new=row[2],
        added=tuple(f for f in after if f not in before),
        removed=tuple(f for f in before if f not in after),
        changes=tuple(
            FeatureChange(
                feature=name,
                changed=changed,
                old_mean=_mean(connection, old, name),
                new_mean=_mean(connection, new, name),
                drift=drift,
            )
            for name, changed, drift in zip(common, row[3:], moved, strict=True)
        ),
    )


def _features(dataset: Dataset) -> tuple[str, ...]:
    return dataset.feature.columns(dataset.contract) if dataset.feature else ()


def _newest(dataset: Dataset) -> str:
    feature, contract = dataset.feature, dataset.contract
    assert feature is not None
    entity = ", ".join(f"{quote(e)}::varchar" for e in feature.entity)
    event = quote(str(contract.event_time))
    columns = "".join(f", {quote(f)}" for f in _features(dataset))
    known = quote(feature.known_at) if feature.known_at else event
    return (
        f"select [{entity}] as _entity, {event} as _at, true as _there{columns}"
        f" from {table(dataset.name)}"
        f" qualify row_number() over (partition by _entity, {event} order by {known} desc) = 1"
    )


def _mean(connection: duckdb.DuckDBPyConnection, dataset: Dataset, name: str) -> float | None:
    kind = str(dataset.contract.column(name).type)
    if not kind.startswith(("int", "uint", "float", "double", "decimal")):
        return None
    row = connection.execute(
        f"select avg({quote(name)})::double from {table(dataset.name)}"
    ).fetchone()
    return None if row is None else row[0]
