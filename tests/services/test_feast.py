"""An exported repository is applied, read by Feast itself."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.watermain.engine.feature_lake import START, FeatureLake, Row, declare, minute
from watermain.declare import Feature
from watermain.engine.feature.feast import export
from watermain.lake.lake import Lake
from watermain.settings import child_environment

pytestmark = pytest.mark.services
ROOT = Path(__file__).parents[2]
FEAST = ROOT / ".venv-feast" / "bin"
DELAY = declare(
    "prediction.features.airport_delay",
    feature=Feature(entity=("airport",), max_age=timedelta(minutes=40)),
    features={"mean": pa.float64(), "flights": pa.int32(), "note": pa.string()},
)
PAIRS = declare(
    "prediction.features.pair_delay",
    feature=Feature(entity=("airport", "carrier"), known_at="known_at"),
    features={"late": pa.int64(), "is_rough": pa.bool_(), "seen_at": pa.timestamp("us", "UTC")},
    numbers=("carrier",),
)
FEATURES = ("mean", "flights", "note", "late", "is_rough", "seen_at")


def filled(lake: Lake) -> FeatureLake:
    """A lake with two tables, of which one knows each fact at once, with corrections at once."""
    features, chance = FeatureLake(lake), np.random.default_rng(3)
    rows: list[Row] = [
        (f"A{n % 7}", minute(n), None if n % 5 == 0 else n / 7, n, f"note {n}")
        for n in range(0, 600, 3)
    ]
    features.publish(DELAY, rows)
    pairs: list[Row] = [
        (f"A{a}", c, minute(n), minute(n), n, bool(n % 2), START + timedelta(seconds=n))
        for n, (a, c) in enumerate(chance.integers(0, (7, 3), (500, 2)).tolist())
    ]
    features.publish(PAIRS, pairs)
    return features


def asked() -> pa.Table:
    """Rows before, amid, after all facts, on the edges of their age, alike, of nobody."""
    chance = np.random.default_rng(4)
    moments = [*chance.integers(-20, 700, 900).tolist(), *range(0, 600, 3), 50, 50]
    return pa.table(
        {
            "airport": [f"A{n}" for n in chance.integers(0, 9, len(moments))],
            "carrier": pa.array(chance.integers(0, 4, len(moments))),
            "event_timestamp": pa.array(map(minute, moments), pa.timestamp("us", "UTC")),
            "row": pa.array(range(len(moments))),
        }
    )


def run(*words: str | Path, folder: Path) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=child_environment(FEAST_USAGE="False"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_feast_gives_the_values_of_a_training_frame(lake: Lake, tmp_path: Path) -> None:
    """Feast applies the repository; its historical features are ours, row by row."""
    features, folder = filled(lake), tmp_path / "feast"
    refs = ["prediction.features.airport_delay", "prediction.features.pair_delay"]
    export(features.store, refs, folder)
    assert "Created feature view" in run(FEAST / "feast", "apply", folder=folder)
    pq.write_table(asked(), tmp_path / "spine.parquet")
    labels = [f"airport_delay:{f}" for f in FEATURES[:3]] + [
        f"pair_delay:{f}" for f in FEATURES[3:]
    ]
    work = (FEAST / "python", ROOT / "benchmarks" / "peers" / "feast_work.py", "history", folder)
    run(*work, tmp_path / "spine.parquet", tmp_path / "found.parquet", *labels, folder=folder)
    theirs = pq.read_table(tmp_path / "found.parquet").sort_by("row")
    ours = features.store.training_frame(asked(), refs, at="event_timestamp").to_arrow()
    assert theirs["row"].to_pylist() == ours["row"].to_pylist()
    for label, name in zip(labels, FEATURES, strict=True):
        mine = ours[label.replace(":", "__")]
        assert theirs[name].cast(mine.type).to_pylist() == mine.to_pylist(), name
        assert 0 < mine.null_count < len(mine)
