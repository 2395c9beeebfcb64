"""A Feast repository is written whole, with the pinned snapshot's rows, or not at all."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.watermain.engine.feature_lake import FeatureLake, declare, minute
from watermain.declare import Feature
from watermain.declare.errors import TrainingSetError, UnknownDatasetError
from watermain.engine.feature.feast import export
from watermain.lake.lake import Lake

DELAY = declare(feature=Feature(entity=("airport",), max_age=timedelta(minutes=90)))
LATE = declare(
    "weather.features.wind",
    feature=Feature(entity=("airport", "runway"), known_at="known_at", version=2),
    features={"speed": pa.float32(), "gusts": pa.list_(pa.float64()), "name": pa.string()},
    numbers=("runway",),
)
ODD = declare("p.features.odd", features={"fine": pa.int64(), "price": pa.decimal128(9, 2)})
REFS = ["prediction.features.delay", "weather.features.wind@2:gusts"]


@pytest.fixture(scope="module")
def features(shared_lake: Lake) -> FeatureLake:
    """A lake with two feature tables."""
    made = FeatureLake(shared_lake)
    made.publish(DELAY, [("EWR", minute(0), 1), ("JFK", minute(5), None)])
    made.publish(LATE, [("EWR", 4, minute(0), minute(1), 5.5, [6.0, None], "calm")])
    made.add(ODD)
    return made


def test_export_writes_views_over_the_rows_of_the_snapshot(
    features: FeatureLake, tmp_path: Path
) -> None:
    """The entity, its instants, the features asked for, nothing else."""
    made = export(features.store, REFS, tmp_path / "feast")
    assert made.rows == {"delay": 2, "wind_v2": 1}
    data = made.folder / "data"
    assert pq.read_table(data / "delay.parquet").sort_by("airport").to_pylist() == [
        {"airport": "EWR", "event_at": minute(0), "mean": 1},
        {"airport": "JFK", "event_at": minute(5), "mean": None},
    ]
    assert pq.read_schema(data / "wind_v2.parquet").names == [
        *("airport", "runway", "event_at", "known_at", "gusts")
    ]
    settings = yaml.safe_load((made.folder / "feature_store.yaml").read_text())
    assert settings["offline_store"] == {"type": "duckdb"}
    code = (made.folder / "definitions.py").read_text()
    ast.parse(code)
    assert f"as of snapshot {made.snapshot}." in code
    for line in (
        "from feast.types import Array, Float64, Int64, String",
        "entity_runway = Entity(name='runway', join_keys=['runway'], value_type=ValueType.INT64)",
        "    name='wind_v2',",
        "    entities=[entity_airport, entity_runway],",
        "    ttl=timedelta(seconds=5400.0),",
        "        Field(name='gusts', dtype=Array(Float64), description='a value'),",
        "        created_timestamp_column='known_at',",
    ):
        assert line in code.splitlines()
    assert "ttl=timedelta(seconds=0)," in code
    assert code.count("Entity(name='airport'") == 1


def test_export_is_written_over_its_own_kind(features: FeatureLake, tmp_path: Path) -> None:
    """An older snapshot, then a newer one, into the same folder; not over other files."""
    first = export(features.store, REFS, tmp_path / "feast")
    again = export(features.store, REFS[:1], tmp_path / "feast", first.snapshot)
    assert (again.snapshot, dict(again.rows)) == (first.snapshot, {"delay": 2})
    (tmp_path / "feast" / "notes.txt").write_text("mine")
    with pytest.raises(TrainingSetError, match=r"is no place .*: it holds `notes\.txt`"):
        export(features.store, REFS, tmp_path / "feast")
    with pytest.raises(TrainingSetError, match="it is a file"):
        export(features.store, REFS, tmp_path / "feast" / "notes.txt")


def test_export_refuses_types_that_feast_has_not(features: FeatureLake, tmp_path: Path) -> None:
    """A price that becomes a float is another price."""
    with pytest.raises(TrainingSetError) as refused:
        export(features.store, ["p.features.odd"], tmp_path / "feast")
    assert str(refused.value).splitlines() == [
        "Feast has no type for features of p.features.odd_v1: `price` is decimal128(9, 2)",
        f"  declared  {ODD.declared}",
        "  data      nothing was written",
        "  next      export the others: `fine`",
    ]
    assert not (tmp_path / "feast").exists()


def test_export_refuses_an_entity_of_two_types(features: FeatureLake, tmp_path: Path) -> None:
    """In Feast a name is one entity."""
    other = declare("p.features.counted", numbers=("airport",))
    features.add(other)
    with pytest.raises(TrainingSetError) as refused:
        export(features.store, [REFS[0], "p.features.counted"], tmp_path / "feast")
    assert refused.value.what == (
        "entity `airport` of p.features.counted_v1 is INT64, STRING of prediction.features.delay_v1"
    )
    assert not (tmp_path / "feast").exists()


def test_export_leaves_no_store_behind_when_a_table_is_missing(
    features: FeatureLake, tmp_path: Path
) -> None:
    """What is not published cannot be exported."""
    with pytest.raises(UnknownDatasetError, match=r"p\.features\.odd_v1 has no rows"):
        export(features.store, [REFS[0], "p.features.odd:fine"], tmp_path / "feast")
    assert not (tmp_path / "feast" / "feature_store.yaml").exists()
