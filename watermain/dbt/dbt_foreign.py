"""What dbt itself takes without a word: a key that stands twice, a package for another dbt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from dbt.config.project import validate_version
from dbt.exceptions import DbtProjectError

from watermain.dbt.dbt_fault import said

Repeated = tuple[int, str, str]


def repeated(text: str) -> Iterator[Repeated]:
    """The keys that stand twice in one mapping of a YAML file, of which YAML keeps the last.

    Shapes: the line of the second, the entry that it is in as `section.name`, and the key.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return
    yield from _own(root, "")
    for section, listed in root.value:
        entries = listed.value if isinstance(listed, yaml.SequenceNode) else [listed]
        for entry in entries:
            name = _name(entry) if isinstance(listed, yaml.SequenceNode) else ""
            yield from _below(entry, f"{section.value}.{name}" if name else "", set())


def _name(entry: yaml.Node) -> str:
    pairs = entry.value if isinstance(entry, yaml.MappingNode) else []
    return next((str(value.value) for key, value in pairs if key.value == "name"), "")


def _below(node: yaml.Node, entry: str, seen: set[int]) -> Iterator[Repeated]:
    """Those of a node and of everything in it; an alias may lead back to where it stands."""
    if id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        yield from _own(node, entry)
        for _, value in node.value:
            yield from _below(value, entry, seen)
    else:
        for value in node.value:
            yield from _below(value, entry, seen)


def _own(node: yaml.MappingNode, entry: str) -> Iterator[Repeated]:
    seen = set()
    for key, _ in node.value:
        if key.value in seen and isinstance(key, yaml.ScalarNode) and key.value != "<<":
            yield key.start_mark.line + 1, entry, str(key.value)
        if isinstance(key, yaml.ScalarNode):
            seen.add(key.value)


def outdated(config: Any) -> Iterator[tuple[str, str]]:
    """The packages of a project that are for another version of dbt, each with what dbt says."""
    for name, package in (config.dependencies or {}).items():
        try:
            validate_version(package.dbt_version, name)
        except DbtProjectError as error:
            yield str(name), said(error)
