"""Every room of the project in one code location, for tools that know only one.

`dg list defs` and `dg check defs` read it; the platform itself loads each room on its own.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import dagster as dg

from watermain.engine.rooms.declared import package, teams


def whole() -> dg.Definitions:
    """What the rooms define, all together; what they run on is that of the first."""
    rooms = [_opened(import_module(f"{package(team)}.definitions").defs) for team in teams()]
    first, *_ = rooms
    return dg.Definitions(
        assets=[a for room in rooms for a in room.assets or ()],
        asset_checks=[c for room in rooms for c in room.asset_checks or ()],
        jobs=[j for room in rooms for j in room.jobs or ()],
        sensors=[s for room in rooms for s in room.sensors or ()],
        schedules=[s for room in rooms for s in room.schedules or ()],
        resources=first.resources,
        executor=first.executor,
    )


def _opened(room: Any) -> dg.Definitions:
    return room if isinstance(room, dg.Definitions) else room()


defs = dg.definitions(whole)
