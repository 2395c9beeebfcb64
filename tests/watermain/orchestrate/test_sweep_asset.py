"""The upkeep room takes away by itself what interrupted writers left."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

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


def test_room_sweeps_each_night() -> None:
    """The schedule runs by default; the room that verifies files has the asset, once."""
    made = code_location("upkeep")
    (schedule,) = [s for s in made.schedules or () if s.name == "upkeep_sweep"]
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == "25 3 * * *"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert sweep_key(verifications) == KEY
    keys = [k for a in made.assets or () if isinstance(a, dg.AssetsDefinition) for k in a.keys]
    assert keys.count(KEY) == 1
    assert sweep_assets([batches]) == []
