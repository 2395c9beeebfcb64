"""The same dbt project, published by the platform into a lake of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from tests.watermain.judge.side import Side, read
from watermain.dbt.dbt import prepare_manifest
from watermain.declare import Dataset, DatasetName
from watermain.declare.errors import WatermainError
from watermain.engine.mart import mart_check
from watermain.engine.mart.manifest import read_project
from watermain.engine.mart.mart import marts
from watermain.engine.publish.publication import Job, Publication
from watermain.engine.publish.publish import publish
from watermain.lake.lake import Lake, table

TEAM = "judged"


class Published:
    """The datasets of a project, each published once after those that it reads."""

    def __init__(self, lake: Lake) -> None:
        self.project = read_project(prepare_manifest())
        self.known = {d.name: d for d in marts(TEAM, prepare_manifest())}
        self.refused: dict[DatasetName, str] = {}
        self.skipped: set[DatasetName] = set()
        self.done: dict[DatasetName, Publication] = {}
        self._lake = lake
        job = Job(lake=lake, find=self.known.__getitem__)
        for dataset in self._ordered():
            self._publish(dataset, job)

    def _ordered(self) -> Iterator[Dataset]:
        above = {name: set(d.upstream) for name, d in self.known.items()}
        yield from (self.known[name] for name in TopologicalSorter(above).static_order())

    def _publish(self, dataset: Dataset, job: Job) -> None:
        if {*dataset.upstream} & {*self.refused, *self.skipped}:
            self.skipped.add(dataset.name)
            return
        try:
            done = self.done[dataset.name] = publish(dataset, None, job)
            done.refuse_blocked()
        except WatermainError as error:
            self.refused[dataset.name] = str(error)

    def said(self, key: str) -> str:
        """What we said of a node, or of what a test is about, where we refused it."""
        tests = {t["unique_id"]: t for t in self.project.tests}
        about = self._about(key) if key in tests else {key}
        named = {self.project.names.get(k) for k in about}
        return next((why for name, why in self.refused.items() if name in named), "")

    def _about(self, test: str) -> set[str]:
        """The ids of the nodes that a test holds."""
        nodes = ((key, self.project.node(key)) for key in self.project.names)
        found = ((k, mart_check.tests_of(self.project, n)) for k, n in nodes)
        return {k for k, tests in found if test in {t["unique_id"] for t in tests}}

    def side(self) -> Side:
        """What can be read of it."""
        found = Side()
        with self._lake.get_connection() as connection:
            for key, name in self.project.names.items():
                if name in self.done and name not in self.refused:
                    assert isinstance(name, DatasetName)
                    is_snapshot = key.startswith("snapshot.")
                    found.tables[key] = read(connection, table(name), is_snapshot=is_snapshot)
        found.nodes = {k for k, name in self.project.names.items() if name in self.known}
        found.verdicts = dict(self._verdicts())
        return found

    def _verdicts(self) -> Iterator[tuple[str, str]]:
        for test in self.project.tests:
            subjects = self._about(test["unique_id"])
            told = [self._verdict(test, key) for key in sorted(subjects)]
            for worst in ("fail", "warn", "pass", "skipped"):
                if worst in told:
                    yield test["unique_id"], worst
                    break

    def _verdict(self, test: dict[str, object], key: str) -> str:
        """What the check said that a test is in one of the datasets that it holds."""
        name = self.project.names[key]
        if name in self.skipped:
            return "skipped"
        if not isinstance(name, DatasetName) or name not in self.done:
            return "not run"
        node, dataset = self.project.node(key), self.known[name]
        label = mart_check._check(self.project, node, test, dataset.contract.key).label
        labels = {label, str(test["name"])}
        found = [f for o in self.done[name].outcomes for f in o.findings if f.check in labels]
        if not found:
            return "not run"
        failed = [f for f in found if not f.passed]
        return "pass" if not failed else "fail" if any(f.blocks for f in failed) else "warn"


def company(folder: Path, project: Path) -> Path:
    """Make a company of one team, whose dbt project this is."""
    root = folder / "company"
    room = root / "rooms" / TEAM
    room.mkdir(parents=True)
    (room / "__init__.py").write_text('"""The room of the judged team."""\n')
    (room / "definitions.py").write_text('"""What Dagster loads."""\n')
    (root / "rooms" / "__init__.py").write_text('"""The rooms."""\n')
    settings = '[project]\nname = "judged"\n\n[tool.watermain]\nrooms = "rooms"\ndbt = "dbt"\n'
    (root / "pyproject.toml").write_text(settings)
    shutil.copytree(project, root / "dbt")
    return root
