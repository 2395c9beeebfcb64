"""The upkeep room tells what it forgot by itself."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg

from tests.watermain.engine.crowd import NAME, crowd
from tests.watermain.engine.shop import sales
from tests.watermain.orchestrate.launch.scene import scene
from watermain.lake.lake import Lake
from watermain.orchestrate.location import code_location
from watermain.orchestrate.upkeep.history_asset import history_assets, history_key
from watermain.orchestrate.upkeep.tidying_asset import tidying_assets, tidying_key
from watermain.upkeep.raw import batches, verifications


def metadata(asset: Any, instance: dg.DagsterInstance, **resources: object) -> dict[str, Any]:
    """Run the asset: what it tells."""
    done = dg.materialize([asset], instance=instance, resources=resources)
    (event,) = done.get_asset_materialization_events()
    return {k: v.value for k, v in event.materialization.metadata.items()}


def test_history_is_told_in_figures(postgres: Any, tmp_path: Path) -> None:
    (asset,) = history_assets([batches, verifications])
    with scene(postgres, tmp_path) as opened:
        told = metadata(asset, opened.instance)
    assert told.pop("bytes before") == told.pop("bytes after") > 0
    assert set(told.values()) == {0}
    assert set(told) == {
        "events",
        "check results",
        "runs",
        "backfills",
        "outputs of runs",
        "bytes of outputs",
    }


def test_tidying_is_told_in_figures(lake: Lake) -> None:
    crowd(lake)
    visits = sales([])
    (asset,) = tidying_assets([batches, verifications], lambda: {NAME: replace(visits, name=NAME)})
    with dg.DagsterInstance.ephemeral() as instance:
        told = metadata(asset, instance, lake=lake)
    assert told["files written again"] == 58
    assert told["files they became"] == 2
    assert told["rows proved"] == 58
    assert told["left as they are"] == "none"
    assert told["snapshots forgotten"] == told["files given up"] == 0


def test_room_forgets_each_hour_and_tidies_each_night() -> None:
    """Few runs: the schedules run by default, and only one room has the assets."""
    made = code_location("upkeep")
    named = {s.name: s for s in made.schedules or () if isinstance(s, dg.ScheduleDefinition)}
    crons = {name: named[f"upkeep_{name}"].cron_schedule for name in ("history", "tidying")}
    assert crons == {"history": "50 * * * *", "tidying": "55 2 * * *"}
    assert all(
        named[f"upkeep_{name}"].default_status == dg.DefaultScheduleStatus.RUNNING for name in crons
    )
    keys = [k for a in made.assets or () if isinstance(a, dg.AssetsDefinition) for k in a.keys]
    assert keys.count(history_key(verifications)) == 1
    assert keys.count(tidying_key(verifications)) == 1
    assert history_assets([batches]) == tidying_assets([batches], dict) == []
