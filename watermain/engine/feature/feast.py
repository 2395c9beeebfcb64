"""Feature tables as a Feast repository over the same data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import yaml

from watermain.declare.dataset import Dataset
from watermain.declare.errors import TrainingSetError, quoted
from watermain.declare.feature_ref import Chosen, resolve
from watermain.engine.feature.training import (
    AsOf,
    Features,
    OfflineStore,
    asked,
    look_at_columns,
    snapshot_of,
)
from watermain.lake.lake import quote, text
from watermain.lake.lake import table as lake_table

T = pa.types
STORE, DEFINITIONS, DATA = "feature_store.yaml", "definitions.py", "data"
ROW_GROUP = 122_880
# Feast's own words for Arrow's types, for entities as well as for features.
TYPES: Mapping[pa.DataType, str] = {
    pa.string(): "String",
    pa.binary(): "Bytes",
    pa.bool_(): "Bool",
    pa.int8(): "Int32",
    pa.int16(): "Int32",
    pa.int32(): "Int32",
    pa.int64(): "Int64",
    pa.uint8(): "Int32",
    pa.uint16(): "Int32",
    pa.uint32(): "Int64",
    pa.float32(): "Float32",
    pa.float64(): "Float64",
}
HEAD = '''"""Feature views of the platform's feature tables, as of snapshot {snapshot}.

Written by `watermain features export --feast`; written anew by the next export. Feast joins by
event time alone: where a row became known after its event, only `read.training_frame` waits.
"""

from datetime import timedelta
from pathlib import Path

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import {types}

DATA = Path(__file__).resolve().parent / "{data}"
'''


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A Feast repository that was written; `rows` counts those of each feature view."""

    folder: Path
    snapshot: int
    rows: Mapping[str, int]


def export(store: OfflineStore, features: Features, folder: Path, as_of: AsOf = None) -> Exported:
    """Write a repository that `feast apply` accepts, whose data is that of one snapshot.

    Shapes: a feature view for each table, named as labels begin, so that full feature names are
    the labels of `read.training_frame`.
    Guarantees: the store's own file is written last: a repository that has it is whole.
    Raises: TrainingSetError, UnknownFeatureError or UnknownDatasetError.
    """
    refs, team = asked(features)
    chosen = resolve(refs, store.declared, team)
    for each in chosen:
        _look_at_types(each)
    entities = list(_entities(chosen))
    _make(folder)
    rows = {}
    with store.lake.get_connection() as connection:
        snapshot = snapshot_of(connection, as_of)
        sources = {
            each.prefix: f"{lake_table(each.dataset.name)} at (version => {snapshot.number})"
            for each in chosen
        }
        for each in chosen:
            look_at_columns(connection, each, sources[each.prefix])
        for each in chosen:
            target = folder / DATA / f"{each.prefix}.parquet"
            columns = ", ".join(quote(c) for c in (*_keys(each), *each.columns))
            copied = connection.execute(
                f"copy (select {columns} from {sources[each.prefix]})"
                f" to {text(str(target))} (format parquet, row_group_size {ROW_GROUP})"
            ).fetchone()
            rows[each.prefix] = int(copied[0]) if copied else 0
    (folder / DEFINITIONS).write_text(_definitions(chosen, entities, snapshot.number))
    (folder / STORE).write_text(yaml.safe_dump(_store(), sort_keys=False))
    return Exported(folder=folder, snapshot=snapshot.number, rows=rows)


def _make(folder: Path) -> None:
    """See that the folder is ours to write to.

    Raises: TrainingSetError, when it holds something else.
    """
    ours = {STORE, DEFINITIONS, DATA, "__pycache__", "registry.db", "online.db"}
    others = {path.name for path in folder.iterdir()} - ours if folder.is_dir() else set()
    if others or (folder.exists() and not folder.is_dir()):
        what = f"it holds {quoted(others)}" if others else "it is a file"
        raise _refused(f"{folder} is no place for a Feast repository: {what}", "name a new folder")
    (folder / DATA).mkdir(parents=True, exist_ok=True)
    (folder / STORE).unlink(missing_ok=True)


def _store() -> dict[str, object]:
    return {
        "project": "watermain",
        "provider": "local",
        "registry": "registry.db",
        "offline_store": {"type": "duckdb"},
        "online_store": {"type": "sqlite", "path": "online.db"},
        "entity_key_serialization_version": 3,
    }


def _keys(chosen: Chosen) -> tuple[str, ...]:
    """The entity and its instants."""
    known = (chosen.feature.known_at,) if chosen.feature.known_at else ()
    return (*chosen.feature.entity, str(chosen.dataset.contract.event_time), *known)


def _look_at_types(chosen: Chosen) -> None:
    contract = chosen.dataset.contract
    odd = [c for c in chosen.columns if _type(contract.column(c).type) is None]
    if odd:
        kinds = ", ".join(f"`{c}` is {contract.column(c).type}" for c in odd)
        left = [c for c in chosen.columns if c not in odd]
        raise _refused(
            f"Feast has no type for features of {chosen.dataset.name}: {kinds}",
            f"export the others: {quoted(left)}" if left else "leave the table out",
            chosen.dataset,
        )


def _type(kind: pa.DataType) -> str | None:
    """Feast's word for a type; None where it has none with the same values."""
    if T.is_timestamp(kind):
        return "UnixTimestamp" if kind.tz else None
    if T.is_list(kind) or T.is_large_list(kind):
        inner = _type(kind.value_type)
        return f"Array({inner})" if inner and not inner.startswith("Array") else None
    return TYPES.get(kind)


def _definitions(chosen: tuple[Chosen, ...], entities: list[str], snapshot: int) -> str:
    used = {w for c in chosen for column in _fields(c).values() for w in _words(column)}
    head = HEAD.format(snapshot=snapshot, types=", ".join(sorted(used)), data=DATA)
    return "\n".join([head, *entities, *(_view(each) for each in chosen)])


def _words(kind: str) -> list[str]:
    return kind.removesuffix(")").split("(")


def _fields(chosen: Chosen) -> dict[str, str]:
    contract = chosen.dataset.contract
    names = (*chosen.feature.entity, *chosen.columns)
    return {n: str(_type(contract.column(n).type)) for n in names}


def _entities(chosen: tuple[Chosen, ...]) -> Iterator[str]:
    """Each entity once, by its column's name.

    Raises: TrainingSetError, when two tables give one name to different types.
    """
    found: dict[str, tuple[str, Dataset]] = {}
    for each in chosen:
        for name in each.feature.entity:
            kind = {"String": "STRING", "Int32": "INT32"}.get(_fields(each)[name], "INT64")
            known, dataset = found.setdefault(name, (kind, each.dataset))
            if known != kind:
                raise _refused(
                    f"entity `{name}` of {each.dataset.name} is {kind}, {known} of {dataset.name}",
                    "export the tables into two repositories",
                    each.dataset,
                )
    for name, (kind, _) in found.items():
        yield (
            f"{_variable(name)} = Entity(name={name!r}, join_keys=[{name!r}],"
            f" value_type=ValueType.{kind})"
        )


def _variable(name: str) -> str:
    return f"entity_{name}"


def _view(chosen: Chosen) -> str:
    contract, feature = chosen.dataset.contract, chosen.feature
    seconds = feature.max_age.total_seconds() if feature.max_age else 0
    fields = "".join(
        f"        Field(name={name!r}, dtype={kind}, description="
        f"{contract.column(name).description!r}),\n"
        for name, kind in _fields(chosen).items()
    )
    entities = ", ".join(map(_variable, feature.entity))
    return f"""
view_{chosen.prefix} = FeatureView(
    name={chosen.prefix!r},
    description={chosen.dataset.description!r},
    owner={chosen.dataset.owner!r},
    tags={{"dataset": {str(chosen.dataset.name)!r}, "contract": {contract.version!r}}},
    entities=[{entities}],
    ttl=timedelta(seconds={seconds!r}),
    schema=[
{fields}    ],
    source=FileSource(
        name="{chosen.prefix}_rows",
        path=str(DATA / "{chosen.prefix}.parquet"),
        timestamp_field={contract.event_time!r},
        created_timestamp_column={feature.known_at or ""!r},
    ),
)"""


def _refused(what: str, next_step: str, dataset: Dataset | None = None) -> TrainingSetError:
    return TrainingSetError(
        what,
        declared=dataset.declared if dataset else "watermain features export --feast",
        data="nothing was written",
        next=next_step,
    )
