"""The rule that every dependency is chosen on purpose."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import OURS, imports

CHOSEN = re.compile(r"([A-Za-z0-9-]+)(?:\[[a-z0-9,]+\])?==(\S+)  # \S.*")
LOCKED = re.compile(r"^([a-z0-9-]+)==(\S+) \\\n    --hash=sha256:", re.MULTILINE)

# What comes with a distribution that is pinned to one release, under a name of its own.
PULLED = {"aiohttp": "s3fs", "botocore": "s3fs", "dagster-shared": "dagster", "hiredis": "redis",
          "dbt-common": "dbt-core", "graphql-core": "dagster-webserver"}  # fmt: skip


def dependencies_are_chosen(files: Mapping[str, str]) -> list[str]:
    """Each direct dependency is pinned with a reason, locked with hashes, at no address."""
    locked = dict(LOCKED.findall(files.get("requirements.lock", "")))
    found = []
    for number, line in enumerate(files.get("requirements.in", "").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        chosen = CHOSEN.fullmatch(line)
        if not chosen:
            found.append(f"requirements.in:{number} is not `name==version  # reason`")
        elif locked.get(chosen.group(1).lower()) != chosen.group(2):
            found.append(f"requirements.in:{number} is not what is locked; run make lock")
    for number, line in enumerate(files.get("requirements.lock", "").splitlines(), 1):
        if "://" in line or line.startswith("-"):
            found.append(f"requirements.lock:{number} names an address or an option")
    return found


def wheel_needs_what_it_imports(files: Mapping[str, str]) -> list[str]:
    """Each package of others that the product imports is a dependency of the wheel or an extra."""
    project = _project(files)
    if not project:
        return []
    known = {*_declared(project), *sys.stdlib_module_names}
    found = []
    for each in imports({k: v for k, v in files.items() if k.startswith("watermain/")}):
        top = each.target.partition(".")[0]
        brought = {canonicalize_name(name) for name in _distributions().get(top, [top])}
        brought |= {PULLED[name] for name in brought & PULLED.keys()}
        if top not in {*OURS, *known} and not brought & known:
            found.append(f"{each}: no dependency of pyproject.toml brings it")
    return found


def wheel_allows_what_is_locked(files: Mapping[str, str]) -> list[str]:
    """What the tests run with lies within the bounds that the wheel gives to others."""
    locked = dict(LOCKED.findall(files.get("requirements.lock", "")))
    found = []
    for name, one in _declared(_project(files)).items():
        if name not in locked:
            found.append(f"pyproject.toml: {name} is not locked")
        elif not one.specifier.contains(locked[name]):
            found.append(f"pyproject.toml: {one} is not {locked[name]}, which is locked")
        elif not any(each.operator in (">=", "==") for each in one.specifier):
            found.append(f"pyproject.toml: {one} has no lower bound")
    return found


def _project(files: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(files.get("pyproject.toml", "")).get("project", {})
    return found


def _declared(project: Mapping[str, Any]) -> dict[str, Requirement]:
    extras = project.get("optional-dependencies", {}).values()
    lists = (project.get("dependencies", []), *extras)
    each = (Requirement(text) for texts in lists for text in texts)
    return {canonicalize_name(one.name): one for one in each if one.name != project["name"]}


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()
