"""The upkeep room tells what it forgot by itself."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.watermain.engine.crowd import NAME, crowd
from tests.watermain.engine.shop import sales
from tests.watermain.engine.weather_features import conditions
from tests.watermain.orchestrate.launch.scene import scene
from watermain.declare.errors import MissingSettingError
from watermain.lake.lake import Lake
from watermain.online.opening import open_store
from watermain.online.protocol import ENTRIES, Cursor
from watermain.orchestrate.location import code_location
from watermain.orchestrate.sensors.schedules import upkeep_schedule
from watermain.orchestrate.sweep_asset import sweep_key
from watermain.orchestrate.upkeep.history_asset import history_assets, history_key
from watermain.orchestrate.upkeep.tidying_asset import _read_on, tidying_assets, tidying_key
from watermain.settings import load_settings
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
        "looks of sensors",
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


def test_room_looks_after_itself_in_one_run_an_hour() -> None:
    """The schedule runs by default, and only one room has the assets."""
    made = code_location("upkeep")
    (hourly,) = [s for s in made.schedules or () if s.name == "upkeep_upkeep"]
    assert isinstance(hourly, dg.ScheduleDefinition)
    assert hourly.cron_schedule == "50 * * * *"
    assert hourly.default_status == dg.DefaultScheduleStatus.RUNNING
    keys = [k for a in made.assets or () if isinstance(a, dg.AssetsDefinition) for k in a.keys]
    for key in (history_key, tidying_key, sweep_key):
        assert keys.count(key(verifications)) == 1
    assert history_assets([batches]) == tidying_assets([batches], dict) == []


def test_hour_of_upkeep_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATERMAIN_UPKEEP_SCHEDULE", "*/5 * * * *")
    (often,) = upkeep_schedule("upkeep", [batches, verifications])
    assert often.cron_schedule == "*/5 * * * *"
    monkeypatch.setenv("WATERMAIN_UPKEEP_SCHEDULE", "61 * * * *")
    with pytest.raises(MissingSettingError, match="WATERMAIN_UPKEEP_SCHEDULE"):
        upkeep_schedule("upkeep", [verifications])


def test_where_an_online_store_goes_on_stays(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The snapshot of its cursor is kept; a store that is away is told, and holds nothing up."""
    table, log = conditions(), logging.getLogger("upkeep")
    with open_store(load_settings()) as store:
        store.put(str(table.name), ENTRIES.empty_table(), Cursor(7, 0))
        store.begin(str(table.name), Cursor(9, 0), Cursor(7, 0))
    assert _read_on([table, verifications], log) == {7, 9}
    assert _read_on([verifications], log) == set()
    monkeypatch.setenv("WATERMAIN_ONLINE_STORE", "redis://127.0.0.1:1")
    assert _read_on([table], log) == set()
    assert "where the online store goes on is not known" in caplog.text
