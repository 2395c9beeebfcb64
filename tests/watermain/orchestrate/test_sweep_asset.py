"""The upkeep room takes away by itself what interrupted writers left."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from tests.watermain.lake.rest.test_sweep import orphan
from watermain.lake.lake import Lake
from watermain.lake.rest.sweep import GRACE
from watermain.orchestrate.location import code_location
from watermain.orchestrate.sweep_asset import MOST_NAMED, sweep_assets, sweep_key
from watermain.upkeep.raw import batches, verifications

KEY = dg.AssetKey(["upkeep", "raw", "sweeps"])


def left(lake: Lake, age: float) -> str:
    """A file that no catalog names, of so many seconds."""
    path = orphan(lake)
    at = datetime.now(UTC).timestamp() - age
    os.utime(Path(lake.folder, path), (at, at))
    return path


def run(lake: Lake) -> dict[str, object]:
    """Run the asset: what it tells."""
    (asset,) = sweep_assets([batches, verifications])
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([asset], instance=instance, resources={"lake": lake})
    (event,) = done.get_asset_materialization_events()
    assert event.asset_key == KEY
    return {k: v.value for k, v in event.materialization.metadata.items()}


def test_sweep_takes_what_is_older_than_a_day(lake: Lake) -> None:
    """What is younger waits, a dataset that is written, too; each file is named."""
    day = GRACE.total_seconds()
    old, young = left(lake, day + 600), left(lake, day - 600)
    nothing = {"files": 0, "bytes": 0, "gone": "none", "held": 0, "foreign": 0}
    assert run(lake) == {
        "files": 1,
        "bytes": 4,
        "gone": old,
        "young": 1,
        "held": 0,
        "foreign": 0,
    }
    assert Path(lake.folder, young).exists()
    assert not Path(lake.folder, old).exists()
    assert run(lake) == {**nothing, "young": 1}


def test_many_files_are_counted(lake: Lake) -> None:
    """Metadata stay small; the log has them all."""
    for _ in range(MOST_NAMED + 2):
        left(lake, 2 * GRACE.total_seconds())
    told = run(lake)
    assert told["files"] == MOST_NAMED + 2
    assert str(told["gone"]).splitlines()[MOST_NAMED:] == ["2 more, in the log of the run"]


def test_grace_is_a_setting(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file goes as soon as the settings let it."""
    left(lake, 3600)
    assert run(lake)["files"] == 0
    monkeypatch.setenv("WATERMAIN_GRACE_HOURS", "0.5")
    assert run(lake)["files"] == 1


def test_one_room_has_the_asset() -> None:
    """The room that verifies files has it, once."""
    made = code_location("upkeep")
    assert sweep_key(verifications) == KEY
    keys = [k for a in made.assets or () if isinstance(a, dg.AssetsDefinition) for k in a.keys]
    assert keys.count(KEY) == 1
    assert sweep_assets([batches]) == []
