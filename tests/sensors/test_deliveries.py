"""Files in the partner's folder that no dataset claims."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from platform_assets.operations.definitions import defs
from sensors.deliveries import FOLDER, unclaimed, unclaimed_deliveries


def look(cursor: str | None) -> dg.SensorResult | dg.SkipReason:
    """Look once, as Dagster's daemon does."""
    context = dg.build_sensor_context(cursor=cursor, sensor_name="unclaimed_deliveries")
    found: dg.SensorResult | dg.SkipReason = unclaimed_deliveries(context)
    return found


def test_file_of_another_name_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a pattern claims is not told; a stranger is, until it is gone and comes again."""
    monkeypatch.setenv("WATERMAIN_SOURCE_PARTNER_DROP", str(tmp_path))
    (tmp_path / "airlines-2013.csv").touch()
    assert isinstance(look(None), dg.SkipReason)
    (tmp_path / "aeroplanes.csv").touch()
    found = look(None)
    assert isinstance(found, dg.SensorResult)
    (event,) = found.asset_events
    assert event.asset_key == FOLDER
    assert event.description == "nobody captures aeroplanes.csv"
    assert isinstance(look(found.cursor), dg.SkipReason)
    (tmp_path / "aeroplanes.csv").unlink()
    (tmp_path / "other.csv").touch()
    later = look(found.cursor)
    assert isinstance(later, dg.SensorResult)
    assert later.cursor == '["other.csv"]'


def test_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    """The capture tells of it; this watch has nothing to add."""
    assert unclaimed(tmp_path / "gone", ["*"]) == []


@pytest.mark.slow
def test_room_has_the_sensor_beside_its_datasets() -> None:
    """Plain Dagster definitions stand in the room's location, as does what the room declares."""
    found = defs()
    assert {s.name for s in found.sensors or []} >= {"unclaimed_deliveries"}
    keys = {spec.key for spec in found.resolve_all_asset_specs()}
    assert {FOLDER, dg.AssetKey(["operations", "curated", "flights"])} <= keys
