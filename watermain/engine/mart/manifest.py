"""The compiled dbt project, seen through the names of datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlglot import exp

from watermain.dbt.dbt import load_manifest
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.engine.mart.naming import Naming, source_name
from watermain.engine.mart.node import Node, declared, is_ephemeral, is_table, refuse, relation
from watermain.engine.mart.reach import parsed
from watermain.settings import project

T = TypeVar("T")


class TwinError(InvalidDeclarationError):
    """Refuse a node that would be the same dataset as one before it."""

    first: str
    name: DatasetName

    def of(self, first: str, name: DatasetName) -> Self:
        """The same, with what it speaks of."""
        self.first, self.name = first, name
        return self


def read_project(manifest: Path) -> CompiledProject:
    """The project that a manifest holds, read again only when the file has changed."""
    state, company = manifest.stat(), project()
    said = tuple(sorted(company.dbt_teams.items()))
    return _read(manifest, state.st_mtime_ns, state.st_ino, company.teams(), said)


@lru_cache(maxsize=2)
def _read(
    manifest: Path, changed: int, inode: int, teams: tuple[str, ...], said: tuple[Any, ...]
) -> CompiledProject:
    return CompiledProject(load_manifest(manifest), Naming(teams=teams, said=dict(said)))


@dataclass(frozen=True)
class CompiledProject:
    """A compiled dbt project, whose sources, models, seeds and snapshots are datasets."""

    manifest: Node
    naming: Naming

    def tables(self, team: str) -> Iterator[Node]:
        """The nodes of a team that become tables."""
        for key, name in self.names.items():
            if isinstance(name, DatasetName) and name.team == team:
                yield self.manifest["nodes"][key]

    @cached_property
    def names(self) -> Mapping[str, DatasetName | InvalidDeclarationError]:
        """The dataset that each node is which becomes a table, or why it is none."""
        found: dict[str, DatasetName | InvalidDeclarationError] = {}
        for key, node in self.manifest["nodes"].items():
            if is_table(node):
                try:
                    found[key] = self.naming.name(node)
                except InvalidDeclarationError as error:
                    found[key] = error
        firsts: dict[DatasetName, str] = {}
        for key, name in found.items():
            if isinstance(name, DatasetName) and firsts.setdefault(name, key) != key:
                found[key] = self._twin(key, firsts[name], name)
        return found

    @cached_property
    def twins(self) -> Mapping[str, InvalidDeclarationError]:
        """Why nodes cannot be built that another one would be the same dataset as."""
        found: dict[str, InvalidDeclarationError] = {}
        for key, name in self.names.items():
            if isinstance(name, TwinError):
                found |= {key: name, name.first: self._twin(name.first, key, name.name)}
        return found

    def _twin(self, key: str, other: str, name: DatasetName) -> TwinError:
        nodes = self.manifest["nodes"]
        return TwinError(
            f"dbt {nodes[key]['resource_type']} `{nodes[key]['name']}` would be `{name}`, as"
            f" `{nodes[other]['name']}` in {nodes[other]['original_file_path']} would",
            declared=declared(nodes[key]),
            data="nothing happened",
            next="give one of them another `alias`, or another team",
        ).of(other, name)

    @cached_property
    def keys(self) -> Mapping[DatasetName, str]:
        """The node that each dataset of the project is, by its id."""
        return {n: key for key, n in self.names.items() if isinstance(n, DatasetName)}

    @cached_property
    def _own(self) -> Mapping[tuple[str, str], DatasetName]:
        """The tables that the project makes, by the schema and the table of compiled SQL."""
        nodes = self.manifest["nodes"]
        named = ((relation(nodes[key]), name) for key, name in self.names.items())
        return {place: name for place, name in named if isinstance(name, DatasetName)}

    def name(self, node: Node) -> DatasetName:
        """The dataset that a source or a node is.

        Raises: InvalidDeclarationError, for what belongs to no team or is no dataset.
        """
        if node["resource_type"] == "source":
            return source_name(node, self._own)
        found = self.names[node["unique_id"]]
        if isinstance(found, InvalidDeclarationError):
            raise found
        return found

    @cached_property
    def tests(self) -> tuple[Node, ...]:
        """Every test, whatever it reads."""
        nodes = self.manifest["nodes"].values()
        return tuple(n for n in nodes if n["resource_type"] == "test")

    def kept(self, word: str, make: Callable[[], T]) -> T:
        """What was made of the project once under a word."""
        if word not in self._made:
            self._made[word] = make()
        found: T = self._made[word]
        return found

    @cached_property
    def _made(self) -> dict[str, Any]:
        return {}

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
        return list(dict.fromkeys(self._relations(node).values()))

    def _relations(self, node: Node) -> dict[tuple[str, str], DatasetName]:
        """What a node reads: the tables of its compiled SQL, and the datasets that they are."""
        found: dict[tuple[str, str], DatasetName] = {}
        for unique_id in node["depends_on"].get("nodes", []):
            upstream = self.node(unique_id)
            if is_ephemeral(upstream):
                found |= self._relations(upstream)
            else:
                found[relation(upstream)] = self._input(node, upstream)
        return found

    def _input(self, node: Node, upstream: Node) -> DatasetName:
        """The dataset that a node reads; what is none is refused where it is read."""
        try:
            return self.name(upstream)
        except InvalidDeclarationError as error:
            kind, name = upstream["resource_type"], upstream["name"]
            why = "which is no dataset" if kind == "source" else "which belongs to no team"
            refuse(node, f"reads the {kind} `{name}`, {why}", error.next)

    def node(self, unique_id: str) -> Node:
        """The source, model or test of that id."""
        shelf = "sources" if unique_id.startswith("source.") else "nodes"
        found: Node = self.manifest[shelf][unique_id]
        return found

    def renamed(
        self, node: Node, rename: Callable[[DatasetName], str], code: str | None = None
    ) -> str:
        """The compiled SQL of a model or a test, with its tables renamed.

        Shapes: `code` takes its place, where a model reads its own rows, too.
        """
        known = self._relations(node)
        if code is not None:
            known = {**known, relation(node): self.name(node)}

        def table(part: exp.Expr) -> exp.Expr:
            if not isinstance(part, exp.Table) or not part.db:
                return part
            found = known.get((part.db, part.name))
            if found is None and (part.db, part.name) == relation(node):
                refuse(
                    node,
                    "reads its own rows where it has none yet",
                    "read `{{ this }}` where `is_incremental()` is true",
                )
            if found is None:
                refuse(node, f"reads `{part.sql()}` by hand", "use `source()` or `ref()` for it")
            fresh = part.copy()
            fresh.set("catalog", None)
            fresh.set("db", None)
            fresh.set("this", exp.to_identifier(rename(found), quoted=True))
            if not part.alias:
                fresh.set("alias", exp.TableAlias(this=part.this.copy()))
            return fresh

        return str(parsed(node, code).transform(table).sql(dialect="duckdb", pretty=True))


def alias(name: DatasetName) -> str:
    """The word by which a mart's SQL calls an input."""
    return f"{name.schema}_{name.table}"
