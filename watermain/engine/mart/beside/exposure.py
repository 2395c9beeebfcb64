"""What a dbt project says of its readers: dashboards, notebooks, applications, models of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.engine.mart.manifest import CompiledProject, read_project
from watermain.engine.mart.node import Node, declared

STAGE = "exposures"
PLAIN = ("type", "maturity", "url", "label")


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """A reader of datasets that stands outside: what it reads, who answers for it."""

    team: str
    name: str
    reads: tuple[DatasetName, ...]
    owner: str
    description: str
    declared: str
    tags: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """By what it is known: its team, the word for its kind, its name."""
        return self.team, STAGE, self.name


def exposures(team: str, manifest: Path) -> list[Exposure]:
    """The exposures of a team."""
    return [e for e in of_project(read_project(manifest)) if e.team == team]


def of_project(project: CompiledProject) -> list[Exposure]:
    """The exposures of a project that belong to a team."""
    return project.kept(STAGE, lambda: list(_declared(project)))


def _declared(project: CompiledProject) -> Iterator[Exposure]:
    for node in (project.manifest.get("exposures") or {}).values():
        team, reads = _team(project, node), _reads(project, node)
        team = team or next((name.team for name in reads), None)
        if team is not None:
            yield Exposure(
                team=team,
                name=node["name"],
                reads=reads,
                owner=_owner(node, team),
                description=" ".join(str(node["description"] or "").split()),
                declared=declared(node),
                tags=tuple(map(str, node.get("tags") or ())),
                facts={word: str(node[word]) for word in PLAIN if node.get(word)},
            )


def homeless(project: CompiledProject) -> Iterator[str]:
    """Each exposure that belongs to no team, a line for each."""
    known = {e.declared + e.name for e in of_project(project)}
    for node in (project.manifest.get("exposures") or {}).values():
        if declared(node) + node["name"] not in known:
            yield (
                f"{declared(node)} dbt exposure `{node['name']}` belongs to no team: it reads no"
                " dataset, and nothing says whose it is"
            )


def _team(project: CompiledProject, node: Node) -> str | None:
    return project.naming.team(node)


def _reads(project: CompiledProject, node: Node) -> tuple[DatasetName, ...]:
    """The datasets that an exposure reads; of an ephemeral model those that it is made of."""
    try:
        return tuple(project.inputs(node))
    except InvalidDeclarationError:
        found = []
        for key in node["depends_on"].get("nodes", []):
            name = project.names.get(key)
            found += [name] if isinstance(name, DatasetName) else []
        return tuple(found)


def _owner(node: Node, team: str) -> str:
    said = node.get("owner") or {}
    email = said.get("email")
    first = email[0] if isinstance(email, list) and email else email
    return str(first) if first else f"team:{team}"
