"""Rules about who may import whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from typing import NamedTuple

from tests.house.tree import OURS, Import, imports, module_name, modules

# The districts of the product; what stands on one floor under one name knows itself.
DISTRICTS = {
    "declare": (0, "declare"),
    "engine": (3, "engine"),
    "orchestrate": (4, "orchestrate"),
    "read": (4, "read"),
    "observe": (4, "observe"),
    "console": (5, "console"),
    "cli": (6, "cli"),
    "__main__": (6, "cli"),
    "testing": (6, "testing"),
}
GROUND = (2, "ground")  # the world outside: settings, the lake, sources, stores, processes
OWN_ROOMS = ("upkeep",)
OUTSIDE = ("demo", "tests", "benchmarks")
FOR_BODIES = {"ibis", "pyarrow", "pandas"}
DAGSTER_AT_HOME = ("orchestrate", "read")
SHARED_BY_KINDS = ("drop", "text")  # of the folders below watermain/source
# Commands that import inside a function: a service that seldom measures, sources that are seldom
# asked, files that are written.
IMPORT_LATER = (
    "watermain/cli/platform/status.py",
    "watermain/cli/platform/tend.py",
    "watermain/cli/new.py",
    "watermain/cli/scaffold.py",
)
# What each district of the engine may know beside itself.
ENGINE: dict[str, tuple[str, ...]] = {
    "code": (),
    "table": ("code",),
    "audit": ("code", "table"),
    "publish": ("code", "table", "audit"),
    "plan": ("code", "table", "audit", "publish"),
    "capture": ("code", "table", "audit", "publish", "plan"),
    "promise": ("code", "table", "audit", "publish", "plan"),
    "feature": ("code", "table", "audit", "publish"),
    "exchange": ("code", "table", "audit", "publish", "feature"),
    "release": ("code", "table", "audit", "publish", "feature", "exchange"),
    "mart": ("code", "table", "audit", "publish", "feature", "exchange", "release"),
    "rooms": ("exchange", "mart", "promise"),
    "adopt": ("code", "table", "audit", "publish", "plan", "capture", "exchange"),
}


class Crossing(NamedTuple):
    """The floor and the place on it where a module stands."""

    floor: int
    place: str
    is_room: bool = False

    def __str__(self) -> str:
        return f"floor {self.floor} ({self.place})"


def crossing(module: str) -> Crossing | None:
    """Find where a module stands; None for what is not the platform's."""
    top, _, rest = module.partition(".")
    second, _, inner = rest.partition(".")
    if top == "platform_assets" and second:
        return _room(second, inner)
    if top == "resources":  # known to nobody, for its connections are found by name
        return _room(top, rest)
    if top != "watermain":
        return None
    if second in OWN_ROOMS:
        return _room(second, inner)
    floor, place = DISTRICTS.get(second, GROUND if second else (0, "declare"))
    return Crossing(floor, place)


def _room(name: str, inner: str) -> Crossing:
    return Crossing(6 if inner == "definitions" else 1, name, is_room=True)


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


def engine_districts_keep_their_order(files: Mapping[str, str]) -> list[str]:
    """Districts of the engine know only those beneath them; siblings never know each other."""
    found = []
    for each in imports(files):
        here, there = _district(each.importer), _district(each.target)
        if here and there and here != there and there not in ENGINE[here]:
            found.append(f"{each}: district {here} may not know {there}")
    return found


def kinds_of_source_are_strangers(files: Mapping[str, str]) -> list[str]:
    """A kind of source knows what all kinds share; kinds never know each other."""
    found = []
    for each in imports(files):
        here, there = _kind(each.importer), _kind(each.target)
        if here and there and here != there:
            found.append(f"{each}: kind {here} may not know {there}")
    return found


def _kind(module: str) -> str:
    parts = module.split(".")
    is_kind = parts[:2] == ["watermain", "source"] and len(parts) > 3
    return parts[2] if is_kind and parts[2] not in SHARED_BY_KINDS else ""


def _district(module: str) -> str:
    parts = module.split(".")
    is_inside = parts[:2] == ["watermain", "engine"] and len(parts) > 2
    return parts[2] if is_inside else ""


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
        if here.place == "ground" and _only_resource_classes(each):
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


def tests_ignore_the_benchmarks(files: Mapping[str, str]) -> list[str]:
    """What tests and benchmarks share lies among the tests."""
    return [
        f"{each}: what benchmarks share with tests lies in tests/"
        for each in imports(files)
        if each.importer.startswith("tests.") and each.target.partition(".")[0] == "benchmarks"
    ]


def commands_import_at_their_top(files: Mapping[str, str]) -> list[str]:
    """A command's module is imported when it runs, so that nothing in it need be hidden."""
    return [
        f"{path}:{node.lineno} imports inside a function"
        for path, tree in modules(files, ("watermain/cli/",)).items()
        if path not in IMPORT_LATER
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
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
