"""Plain Dagster definitions that go with the datasets of a room."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
from dagster.components.core.component_tree import ComponentTree
from dagster.components.definitions import LazyDefinitions

from watermain.orchestrate.policy import beta_accepted
from watermain.settings import project


def plain_definitions(module: str, within: str | None = None) -> dg.Definitions:
    """What a module defines; of a package, what its modules, folders and components define.

    Shapes: a name that begins with a dot is seen from the package `within`. Where a module has
    Definitions, only what they hold is defined, else all that stands at its top: assets, checks,
    jobs, schedules, sensors, and lists of them. A package with a module `definitions` is what that
    one says.
    Raises: whatever importing the module raises, as Dagster itself would meet it.
    """
    found = import_module(module, within)
    with beta_accepted():
        return dg.Definitions.merge(*map(_without_tree, _parts(found)))


def _parts(module: ModuleType) -> Iterator[dg.Definitions]:
    door = f"{module.__name__}.definitions"
    if hasattr(module, "__path__") and find_spec(door) is not None:
        module = import_module(door)
    tree = _tree(module) if hasattr(module, "__path__") else None
    if tree is not None:
        yield tree.build_defs()
    values = list(vars(module).values())
    lazy = [v for v in values if isinstance(v, LazyDefinitions)]
    whole = [v for v in values if isinstance(v, dg.Definitions)]
    for each in lazy:
        said: Any = each(tree.load_context if tree else None)
        whole.append(said)
    yield from whole or [dg.load_definitions_from_modules([module])]


def _tree(package: ModuleType) -> ComponentTree:
    """A package as Dagster's own folder of definitions: modules, folders and `defs.yaml` files."""
    here, at = project().root, Path(next(iter(package.__path__)))
    return ComponentTree.from_module(package, here if at.is_relative_to(here) else at.parent)


def _without_tree(part: dg.Definitions) -> dg.Definitions:
    """Definitions that any number of others may stand beside: Dagster takes one tree alone."""
    return dg.Definitions(
        assets=part.assets,
        asset_checks=part.asset_checks,
        jobs=part.jobs,
        schedules=part.schedules,
        sensors=part.sensors,
        resources=part.resources,
        loggers=part.loggers,
        executor=part.executor,
    )
