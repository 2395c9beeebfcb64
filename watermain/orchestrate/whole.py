"""Every room of the project in one code location, for tools that know only one.

`dg list defs` and `dg check defs` read it; the platform itself loads each room on its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import dagster as dg

from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.rooms.connections import connections
from watermain.engine.rooms.declared import check_rooms, package, teams
from watermain.orchestrate.brought.dataset_frames import ELSEWHERE
from watermain.orchestrate.resources import resources
from watermain.settings import load_settings


def whole() -> dg.Definitions:
    """What the rooms define, all together.

    Raises: InvalidProjectError, where the project has no room; or InvalidDeclarationError, where
    two rooms mean two things by the name of one resource.
    """
    check_rooms()
    rooms = {team: _opened(import_module(f"{package(team)}.definitions").defs) for team in teams()}
    assets = [a for room in rooms.values() for a in room.assets or ()]
    made = {key for a in assets if isinstance(a, dg.AssetsDefinition) for key in a.keys}
    named = {a.key: a for a in assets if isinstance(a, dg.AssetSpec) and a.key not in made}
    return dg.Definitions(
        assets=[*(a for a in assets if not isinstance(a, dg.AssetSpec)), *named.values()],
        asset_checks=[c for room in rooms.values() for c in room.asset_checks or ()],
        jobs=[j for room in rooms.values() for j in room.jobs or ()],
        sensors=[s for room in rooms.values() for s in room.sensors or ()],
        schedules=[s for room in rooms.values() for s in room.schedules or ()],
        resources=_resources(rooms),
        executor=next(iter(rooms.values())).executor,
    )


def _resources(rooms: Mapping[str, dg.Definitions]) -> dict[str, Any]:
    """What the rooms run on; the platform's own resources mean the same in each of them."""
    ours = {ELSEWHERE, *resources(load_settings(), connections())}
    found: dict[str, Any] = {}
    for team, room in rooms.items():
        for name, value in (room.resources or {}).items():
            held = found.setdefault(name, value)
            if held is not value and name not in ours:
                raise InvalidDeclarationError.nothing_happened(
                    f"room {team} has a resource `{name}`, and so has another room",
                    declared=f"{package(team)}.definitions",
                    next="share one of them, or give it another name; only tools that know a single"
                    " code location mind",
                )
    return found


def _opened(room: Any) -> dg.Definitions:
    return room if isinstance(room, dg.Definitions) else room()


defs = dg.definitions(whole)
