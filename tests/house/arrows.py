"""Rules about who may import whom."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import NamedTuple

from tests.house.tree import OURS, Import, imports, module_name, modules

FLOORS = {"resources": 2, "sensors": 4, "launch": 4}
PLATFORM = {"declare": 0, "build": 3, "location": 5, "read": 5, "__main__": 6, "cli": 6}
OUTSIDE = ("demo", "tests", "benchmarks")
FOR_BODIES = {"ibis", "pyarrow", "pandas"}
DAGSTER_AT_HOME = ("build", "sensors", "launch", "location", "read")


class Crossing(NamedTuple):
    """The floor and the place on it where a module stands."""

    floor: int
    place: str
    is_room: bool = False


def crossing(module: str) -> Crossing | None:
    """Find where a module stands; None for what is not the platform's."""
    top, _, rest = module.partition(".")
    if top in FLOORS:
        return Crossing(FLOORS[top], top)
    if top != "platform_assets":
        return None
    second, _, inner = rest.partition(".")
    if not second:
        return Crossing(0, "declare")
    if second in PLATFORM:
        return Crossing(PLATFORM[second], "cli" if second == "__main__" else second)
    return Crossing(6 if inner == "definitions" else 1, second, is_room=True)


def floors_are_climbed_upwards_only(files: Mapping[str, str]) -> list[str]:
    """Floors import only floors beneath them; everyone may import the words."""
    found = []
    for each in imports(files):
        here, there = crossing(each.importer), crossing(each.target)
        if not here or not there or there.place == "declare":
            continue
        inside = here.place == there.place and there.floor <= here.floor
        if not inside and there.floor >= here.floor:
            found.append(f"{each}: floor {here.floor} ({here.place}) may not import {there}")
    return found


def rooms_are_strangers(files: Mapping[str, str]) -> list[str]:
    """Rooms never import each other."""
    found = []
    for each in imports(files):
        here, there = crossing(each.importer), crossing(each.target)
        if here and there and here.is_room and there.is_room and here.place != there.place:
            found.append(f"{each}: room {here.place} reads {there.place} by dataset name only")
    return found


def rooms_know_only_the_words(files: Mapping[str, str]) -> list[str]:
    """Rooms import the words, ibis, what bodies may be annotated with; definitions a floor more."""
    found = []
    for each in imports(files):
        here, top = crossing(each.importer), each.target.partition(".")[0]
        if not here or not here.is_room or here.floor == 6:
            continue
        there = crossing(each.target)
        known = there and there.place in ("declare", here.place)
        if not known and top not in FOR_BODIES and top not in sys.stdlib_module_names:
            found.append(f"{each}: room {here.place} knows only the words and {FOR_BODIES}")
    return found


def dagster_stays_at_home(files: Mapping[str, str]) -> list[str]:
    """Dagster is imported where declarations are translated, assembled or observed."""
    found = []
    for each in imports(files):
        here = crossing(each.importer)
        if not each.target.startswith("dagster") or not here:
            continue
        if here.place == "resources" and _only_resource_classes(each):
            continue
        if here.place not in DAGSTER_AT_HOME:
            found.append(f"{each}: dagster is for {', '.join(DAGSTER_AT_HOME)}")
    return found


def _only_resource_classes(each: Import) -> bool:
    return bool(each.names) and all(name.endswith("Resource") for name in each.names)


def platform_ignores_the_outside(files: Mapping[str, str]) -> list[str]:
    """The platform never imports the demo, the tests or the benchmarks."""
    return [
        f"{each}: the platform never imports {each.target.partition('.')[0]}"
        for each in imports(files)
        if crossing(each.importer) and each.target.partition(".")[0] in OUTSIDE
    ]


def imports_make_no_cycle(files: Mapping[str, str]) -> list[str]:
    """No module imports itself over others, hidden imports counted."""
    names = {module_name(path) for path in modules(files)}
    edges: dict[str, set[str]] = {name: set() for name in names}
    for each in imports(files):
        if each.target in names and each.target.partition(".")[0] in OURS:
            edges[each.importer].add(each.target)
    found, done = [], set[str]()
    for start in sorted(names):
        trail = _way_back(start, edges, done)
        if trail:
            found.append("cycle: " + " -> ".join(trail))
        done.add(start)
    return found


def _way_back(start: str, edges: dict[str, set[str]], done: set[str]) -> list[str]:
    """Walk from a module back to itself, through none that is known to be on no cycle."""
    seen, trails = {start}, [[start]]
    while trails:
        trail = trails.pop()
        for target in sorted(edges[trail[-1]] - done):
            if target == start:
                return [*trail, start]
            if target not in seen:
                seen.add(target)
                trails.append([*trail, target])
    return []
