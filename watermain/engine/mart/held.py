"""Which table holds a test of a dbt project, so that no table waits for itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.node import Node, is_ephemeral

NO_MODEL: Node = {"resource_type": "none", "config": {}, "depends_on": {}}


def held(project: CompiledProject) -> Held:
    """Where the tests of a project are held, found out once."""
    return project.kept("held", lambda: Held(project))


class Held:
    """Where the tests of a project are held.

    Guarantees: a test is held by the table that it is attached to; one of an ephemeral model by
    each table that the model is part of; one that is attached to nothing by the last table that it
    reads, in the order in which tables are made, or by the one that the test names in
    `meta: {dagster: {ref: {name: ...}}}`. Where a table would have to wait for one that is made of
    it, the last table that the test reads holds it. All others are read as published.
    """

    def __init__(self, project: CompiledProject) -> None:
        self._project = project
        nodes = project.manifest["nodes"]
        self._waits = {key: set(self._tables(nodes[key])) for key in project.names}

    def tests(self, model: Node) -> tuple[Node, ...]:
        """The tests that a table holds."""
        return self._by_holder.get(model["unique_id"], ())

    def holders(self, test: Node) -> set[str]:
        """The ids of the tables that hold a test; none for one that reads no table."""
        return self._holders.get(test["unique_id"], set())

    @cached_property
    def _by_holder(self) -> Mapping[str, tuple[Node, ...]]:
        found: dict[str, tuple[Node, ...]] = {}
        for test in self._project.tests:
            for key in sorted(self.holders(test)):
                found[key] = (*found.get(key, ()), test)
        return found

    @cached_property
    def _holders(self) -> Mapping[str, set[str]]:
        """Attached tests come first: those of several tables give way to them."""
        tests = sorted(self._project.tests, key=lambda test: self._about(test) is None)
        return {test["unique_id"]: self._placed(test) for test in tests}

    def _placed(self, test: Node) -> set[str]:
        read, about = set(self._tables(test)), self._about(test)
        wanted = set(self._readers(about)) if about else set()
        if not read and not wanted:
            return set()
        if read and (not wanted or any(self._is_circle(key, read) for key in wanted)):
            wanted = {self._last(read)}
        for key in wanted:
            self._waits.setdefault(key, set()).update(read - {key})
        return wanted

    def _about(self, test: Node) -> str | None:
        """The node that a test speaks about; dagster-dbt has the same rule."""
        named = test["config"]["meta"].get("dagster", {}).get("ref", {}).get("name")
        read: list[str] = test["depends_on"]["nodes"]
        if named is not None:
            return next((i for i in read if self._project.node(i)["name"] == named), None)
        attached = test.get("attached_node")
        return str(attached) if attached else read[0] if len(read) == 1 else None

    def _readers(self, about: str) -> Iterator[str]:
        """The tables that a node is: itself, or those that an ephemeral model is part of."""
        left, seen = [about], set[str]()
        while left:
            key = left.pop()
            if key in seen:
                continue
            seen.add(key)
            if key in self._project.names:
                yield key
            elif key.startswith("source."):
                yield from self._own(key)
            elif is_ephemeral(self._project.manifest["nodes"].get(key, NO_MODEL)):
                left += self._read_by.get(key, ())

    def _is_circle(self, key: str, read: set[str]) -> bool:
        """Whether one of the tables that a test reads waits for the one that would hold it."""
        return any(key in self._above(other) for other in read - {key})

    def _last(self, read: set[str]) -> str:
        """Of tables that a test reads, the one that waits for most, so that none waits for it."""
        return max(read, key=lambda key: (len(self._above(key)), key))

    def _above(self, table: str) -> set[str]:
        """Every table that one waits for."""
        found: set[str] = set()
        left = [*self._waits.get(table, ())]
        while left:
            key = left.pop()
            if key not in found:
                found.add(key)
                left += self._waits.get(key, ())
        return found

    def _tables(self, node: Node) -> Iterator[str]:
        """The tables of the project that a node reads, through ephemeral models."""
        left, seen = [*node["depends_on"].get("nodes", [])], set[str]()
        while left:
            key = left.pop()
            if key in seen:
                continue
            seen.add(key)
            if key in self._project.names:
                yield key
            elif key.startswith("source."):
                yield from self._own(key)
            else:
                part = self._project.manifest["nodes"].get(key, NO_MODEL)
                left += part["depends_on"].get("nodes", [])

    def _own(self, key: str) -> Iterator[str]:
        """The table of the project that a source is, if it is one."""
        try:
            name = self._project.name(self._project.node(key))
        except (InvalidDeclarationError, KeyError):
            return
        if name in self._project.keys:
            yield self._project.keys[name]

    @cached_property
    def _read_by(self) -> Mapping[str, list[str]]:
        """The models that read each node."""
        found: dict[str, list[str]] = {}
        for key, node in self._project.manifest["nodes"].items():
            if node["resource_type"] in ("model", "snapshot"):
                for above in node["depends_on"].get("nodes", []):
                    found.setdefault(above, []).append(key)
        return found
