"""The compiled dbt project, seen through the names of datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from watermain.dbt.dbt import load_manifest
from watermain.dbt.dbt_fault import said
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.settings import project

Node = Mapping[str, Any]
_HOME = "move it to models/marts/<team>/, or make it ephemeral"
_NO_INPUTS = {
    "seed": "capture the file: `raw(..., source=Files(...))` in a room, a curated dataset over it;"
    " then watermain new dbt-sources, read it by `source()`",
    "snapshot": "read its source by `source()`; the lake keeps every published state:"
    " watermain sql --snapshot <n>",
}


def read_project(manifest: Path) -> CompiledProject:
    """The project that a manifest holds, read again only when the file has changed."""
    state = manifest.stat()
    return _read(manifest, state.st_mtime_ns, state.st_ino)


@lru_cache(maxsize=2)
def _read(manifest: Path, changed: int, inode: int) -> CompiledProject:
    return CompiledProject(load_manifest(manifest))


@dataclass(frozen=True)
class CompiledProject:
    """A compiled dbt project, whose sources and models are datasets."""

    manifest: Node

    def models(self, team: str) -> Iterator[Node]:
        """The models in a team's folder that become tables."""
        for node in self.manifest["nodes"].values():
            in_room = node["fqn"][1:-1] == ["marts", team]
            if node["resource_type"] == "model" and in_room and not is_ephemeral(node):
                yield node

    def tests(self) -> Iterator[Node]:
        """Every test, whatever it reads."""
        return (n for n in self.manifest["nodes"].values() if n["resource_type"] == "test")

    @cached_property
    def told(self) -> Node:
        """What our compiler says of the project beside dbt's own words."""
        found: Node = self.manifest.get("watermain", {})
        return found

    @cached_property
    def stock_tests(self) -> set[str]:
        """The generic tests of dbt that the project has not written anew."""
        own = {
            m["name"].split("__")[-1]
            for m in self.manifest.get("macros", {}).values()
            if m["package_name"] not in ("dbt", "dbt_duckdb")
        }
        stock = {"accepted_values", "not_null", "relationships", "unique"}
        return {name for name in stock if f"test_{name}" not in own}

    def inputs(self, node: Node) -> list[DatasetName]:
        """The datasets that a node reads, through ephemeral models to what those read."""
        found: list[DatasetName] = []
        for unique_id in node["depends_on"]["nodes"]:
            upstream = self.node(unique_id)
            found += self.inputs(upstream) if is_ephemeral(upstream) else [_input(node, upstream)]
        return list(dict.fromkeys(found))

    def node(self, unique_id: str) -> Node:
        """The source, model or test of that id."""
        shelf = "sources" if unique_id.startswith("source.") else "nodes"
        found: Node = self.manifest[shelf][unique_id]
        return found

    def renamed(self, node: Node, rename: Callable[[DatasetName], str]) -> str:
        """The compiled SQL of a model or a test, with its tables renamed."""
        known = {(n.schema, n.table): n for n in self.inputs(node)}

        def table(part: exp.Expr) -> exp.Expr:
            if not isinstance(part, exp.Table) or not part.db:
                return part
            found = known.get((part.db, part.name))
            if found is None:
                refuse(node, f"reads `{part.sql()}` by hand", "use `source()` or `ref()` for it")
            fresh = part.copy()
            fresh.set("catalog", None)
            fresh.set("db", None)
            fresh.set("this", exp.to_identifier(rename(found), quoted=True))
            if not part.alias:
                fresh.set("alias", exp.TableAlias(this=part.this.copy()))
            return fresh

        try:
            tree = sqlglot.parse_one(node["compiled_code"], dialect="duckdb")
        except SqlglotError as error:
            refuse(node, f"is no SQL: {said(error)}", "mend the SQL that it compiles to")
        return str(tree.transform(table).sql(dialect="duckdb", pretty=True))


def is_ephemeral(node: Node) -> bool:
    """Whether a node is no table but a part of the SQL of those that read it."""
    return bool(node["resource_type"] == "model" and node["config"]["materialized"] == "ephemeral")


def name_of(node: Node) -> DatasetName:
    """The dataset that a dbt source or model is.

    Raises: InvalidDeclarationError, for a model outside `models/marts/<team>/`.
    """
    if node["resource_type"] == "source":
        team, _, stage = node["schema"].rpartition("_")
        return DatasetName(team, stage, node["identifier"])
    folder = node["fqn"][1:-1]
    if node["resource_type"] != "model" or len(folder) != 2 or folder[0] != "marts":
        refuse(node, "belongs to no team", _HOME)
    return DatasetName(folder[1], "marts", node["alias"])


def _input(node: Node, upstream: Node) -> DatasetName:
    """The dataset that a node reads; what it may not read is refused where it is read."""
    kind, name = upstream["resource_type"], upstream["name"]
    if kind in _NO_INPUTS:
        refuse(node, f"reads the {kind} `{name}`, which is no dataset", _NO_INPUTS[kind])
    try:
        return name_of(upstream)
    except InvalidDeclarationError as error:
        refuse(node, f"reads the {kind} `{name}`, which belongs to no team", error.next)


def alias(name: DatasetName) -> str:
    """The word by which a mart's SQL calls an input."""
    return f"{name.schema}_{name.table}"


def declared(node: Node) -> str:
    """Where a model or a test stands."""
    return f"{project().dbt}/{node['original_file_path']}:1"


def refuse(node: Node, what: str, next: str) -> NoReturn:
    """Refuse a model or a test.

    Raises: InvalidDeclarationError.
    """
    raise InvalidDeclarationError.nothing_happened(
        f"dbt {node['resource_type']} `{node['name']}` {what}",
        declared=declared(node),
        next=next,
    )
