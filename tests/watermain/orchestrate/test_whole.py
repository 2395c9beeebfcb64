"""All rooms in one code location."""

from __future__ import annotations

import pytest

from watermain.engine.rooms.directory import everything
from watermain.orchestrate.whole import whole


@pytest.mark.slow
def test_every_dataset_of_every_room_is_there() -> None:
    """With the sensors of each room, each name once."""
    repository = whole().get_repository_def()
    keys = {tuple(key.path) for key in repository.asset_graph.get_all_asset_keys()}
    assert {tuple(name.key) for name in everything()} <= keys
    names = [sensor.name for sensor in repository.sensor_defs]
    assert len(set(names)) == len(names)
    assert {"operations_planner", "weather_planner", "unclaimed_deliveries"} <= set(names)
