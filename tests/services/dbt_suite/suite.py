"""Every class of dbt's tests for adapters, as they are shipped."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import dbt.tests.adapter as shipped

# Folders of tests of what no target of ours has, with the reason.
NOT_OURS = {
    "catalog_integrations": "DuckDB has no external catalogs of this kind",
    "functions": "its functions in JavaScript and its aggregates are for warehouses",
    "grants": "DuckDB has no users",
    "python_model.test_spark": "it is for Spark",
}


def classes() -> Iterator[tuple[str, type]]:
    """Each class with tests, by a name of its own."""
    found: dict[type, str] = {}
    root = Path(shipped.__path__[0])
    for path in sorted(root.rglob("*.py")):
        place = ".".join(path.relative_to(root).with_suffix("").parts)
        if path.stem == "__init__" or any(place.startswith(word) for word in NOT_OURS):
            continue
        module = importlib.import_module(f"dbt.tests.adapter.{place}")
        for name, value in vars(module).items():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and any(word.startswith("test") for word in dir(value)):
                found[value] = f"Test_{place.replace('.', '_')}_{name}"
    parents = {parent for value in found for parent in value.__mro__[1:]}
    for value, name in found.items():
        if value not in parents or not value.__name__.startswith("Base"):
            yield name, value


for _name, _value in classes():
    globals()[_name] = type(_name, (_value,), {})
