"""The models of a dbt project that cannot be built, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from watermain.dbt.dbt_fault import Fault, faults_of
from watermain.declare.dataset import Dataset
from watermain.declare.errors import BrokenModelError, InvalidDeclarationError, WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.mart.held import held
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.node import TABLES, Node, declared
from watermain.settings import project as company

_ABSENT = re.compile(r'reads `ref\("(\w+)"\)`, which does not exist')
DATA = "nothing new of it is published; what was stays; other marts go on"


UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)  # a word of another type


class Faults:
    """What is wrong with the models of a project, by their ids.

    `declare` makes a dataset of a model, or refuses it.
    """

    def __init__(self, project: CompiledProject, declare: Callable[[Node], Dataset]) -> None:
        self._project, self._declare = project, declare
        self._all = faults_of(project.manifest)
        self._known: dict[str, WatermainError | Dataset | None] = {}

    def made(self, node: Node) -> WatermainError | Dataset | None:
        """The dataset that a model is, or why it cannot be built; nothing for a part of others."""
        key = str(node["unique_id"])
        if key not in self._known:
            self._known[key] = _error(node["name"], _circle(node))  # should it lead back here
            found = self._own(node) or self._by_test(node) or self._above(node)
            self._known[key] = found or self._tried(node)
        return self._known[key]

    def _tried(self, node: Node) -> WatermainError | Dataset | None:
        if not isinstance(self._project.names.get(node["unique_id"]), DatasetName):
            return None
        if node["unique_id"] in self._project.twins:
            return self._project.twins[node["unique_id"]]
        try:
            return self._declare(node)
        except WatermainError as error:
            return error
        except UNREADABLE as error:
            return InvalidDeclarationError.nothing_happened(
                f"dbt model `{node['name']}` says what cannot be read: {error}",
                declared=declared(node),
                next="compare its `meta.watermain` with docs/guides/marts.md",
            )

    def unparsed(self, team: str) -> Iterator[tuple[DatasetName, str, BrokenModelError]]:
        """The models of a team that dbt does not know, by their files."""
        nodes = self._project.manifest["nodes"].values()
        known = {n["original_file_path"] for n in nodes}
        known |= {n["original_file_path"] for n in _disabled(self._project)}
        for path in self._project.told.get("models", []):
            name = self._project.naming.guess(path)
            if path in known or name is None or name.team != team:
                continue
            whole = [f for f in self._all if f.path in (path, "dbt_project.yml")]
            if whole:
                yield name, path, _error(name.table, whole[0])

    def strays(self) -> Iterator[str]:
        """What is wrong with the project beside its models, a line for each."""
        files, guess = set(self._project.told.get("models", [])), self._project.naming.guess
        for fault in self._all:
            if fault.path not in files or guess(fault.path) is None:
                yield f"{company().dbt}/{fault.path}:{fault.line} {fault.what}"

    def _own(self, node: Node) -> BrokenModelError | None:
        """What was found at the model's own files, the nearest first."""
        near = [f for f in self._all if node["unique_id"] == f.node or f.path == _path(node)]
        near += [f for f in self._all if f.entry == f"models.{node['name']}"]
        near += [f for f in self._all if self._describes(f, node)]
        return _error(node["name"], self._cause(near[0])) if near else None

    def _cause(self, fault: Fault) -> Fault:
        """Where a model reads one that was never parsed, what is wrong with that one."""
        absent = _ABSENT.fullmatch(fault.what)
        for other in self._all if absent else ():
            if absent and PurePosixPath(other.path).stem == absent.group(1) and not other.entry:
                what = f"reads `{absent.group(1)}`, which is wrong: {other.what}"
                return replace(other, what=what)
        return fault

    def _describes(self, fault: Fault, node: Node) -> bool:
        """Whether a YAML file that cannot be read may be the one that describes a model."""
        place, own = PurePosixPath(fault.path), PurePosixPath(_path(node))
        if fault.node or fault.entry or place.suffix not in (".yml", ".yaml"):
            return False
        stems = {PurePosixPath(p).stem for p in self._project.told.get("models", [])}
        its = place.stem == own.stem or place.stem not in stems
        return its and place.parent == own.parent and not node.get("patch_path")

    def _by_test(self, node: Node) -> BrokenModelError | None:
        for fault in self._all:
            if not fault.node.startswith("test."):
                continue
            test = self._project.manifest["nodes"].get(fault.node)
            if test is not None and node["unique_id"] in held(self._project).holders(test):
                return _error(f"{node['name']}`, test `{test['name']}", fault)
        return None

    def _above(self, node: Node) -> BrokenModelError | None:
        for upstream in node["depends_on"].get("nodes", []):
            above = self._project.manifest["nodes"].get(upstream)
            if above is None or above["resource_type"] not in TABLES:
                continue
            error = self.made(above)
            if isinstance(error, WatermainError):
                return BrokenModelError(
                    f"dbt model `{node['name']}` reads `{above['name']}`, which is wrong:"
                    f" {error.what}",
                    declared=error.declared,
                    data=DATA,
                    next=error.next,
                )
        return None


def _path(node: Node) -> str:
    return str(node["original_file_path"])


def _circle(node: Node) -> Fault:
    what = "reads itself, by way of the models that it reads"
    return Fault(path=_path(node), what=what, next="take one `ref()` out of the circle")


def _error(name: str, fault: Fault) -> BrokenModelError:
    place = f"{company().dbt}/{fault.path}:{fault.line}"
    return BrokenModelError(
        f"dbt model `{name}` {_joined(fault.what)}", declared=place, data=DATA, next=fault.next
    )


def _joined(what: str) -> str:
    """What is wrong as the end of a sentence that begins with the model."""
    verbs = ("says ", "calls ", "reads ", "is not rendered")
    return what if what.startswith(verbs) else f"is wrong: {what}"


def _disabled(project: CompiledProject) -> Iterator[Node]:
    for nodes in (project.manifest.get("disabled") or {}).values():
        yield from nodes


def belongs_nowhere(project: CompiledProject) -> Iterator[InvalidDeclarationError]:
    """Each model, seed or snapshot that is no dataset of a team."""
    for name in project.names.values():
        if isinstance(name, InvalidDeclarationError):
            yield name
