"""The unit tests of a dbt project: which there are, what becomes of each."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from watermain.dbt.dbt_fault import faults_of
from watermain.dbt.unit_run import run_units
from watermain.declare.contract import Contract
from watermain.declare.name import DatasetName
from watermain.engine.mart.manifest import CompiledProject, read_project
from watermain.engine.mart.mart import contracts
from watermain.engine.mart.node import Node, declared, relation
from watermain.lake.lake import quote
from watermain.settings import project as company

ContractOf = Callable[[DatasetName], Contract | None]
PASSED = "pass"
NOT_RUN = "not run"


@dataclass(frozen=True, kw_only=True)
class UnitVerdict:
    """What became of a unit test: `pass`, `fail`, `error` or `not run`, with the differing rows."""

    model: str
    name: str
    declared: str
    status: str
    told: str = ""

    @property
    def passed(self) -> bool:
        """Whether the model made the rows that the test expects."""
        return self.status == PASSED


def unit_tests(manifest: Path, team: str | None = None) -> list[Node]:
    """The unit tests of a team's models, or of all; those of ephemeral models among them."""
    project = read_project(manifest)
    found = (project.manifest.get("unit_tests") or {}).values()
    return [t for t in found if team is None or _team(project, t) == team]


def _team(project: CompiledProject, test: Node) -> str | None:
    tested = _tested(project, test)
    return project.naming.team(tested) if tested else None


def _tested(project: CompiledProject, test: Node) -> Node | None:
    """The model that a unit test is of: the first that it depends on, as dbt has it."""
    read = test["depends_on"].get("nodes") or [""]
    found: Node | None = project.manifest["nodes"].get(read[0])
    return found


def run_unit_tests(
    manifest: Path,
    contract_of: ContractOf,
    team: str | None = None,
    folder: Path | None = None,
) -> list[UnitVerdict]:
    """Have dbt run the unit tests of a team's models, or of all, over tables without a row.

    Shapes: `folder` is the dbt project, else that of the company.
    Guarantees: every unit test has a verdict; one that dbt does not run has its reason.
    """
    project, tests = read_project(manifest), unit_tests(manifest, team)
    wrong = list(_wrong(project, team))
    if not tests:
        return wrong
    models = {test["unique_id"]: _tested(project, test) for test in tests}
    chosen = sorted({".".join(node["fqn"]) for node in models.values() if node})
    with tempfile.TemporaryDirectory(prefix="watermain-unit-") as place:
        known = contracts(manifest, contract_of)
        databases = _tables(Path(place), project, tests, known)
        results, error = run_units(Path(place), chosen, databases, folder)
    return [*(_verdict(test, results, error) for test in tests), *wrong]


def _wrong(project: CompiledProject, team: str | None) -> Iterator[UnitVerdict]:
    """The unit tests that dbt cannot read, such as one of a model that is wrong itself."""
    for fault in faults_of(project.manifest):
        section, _, name = fault.entry.partition(".")
        place = {"original_file_path": fault.path, "config": {}}
        if section == "unit_tests" and team in (None, project.naming.team(place)):
            yield UnitVerdict(
                model="?",
                name=name,
                declared=f"{company().dbt}/{fault.path}:{fault.line}",
                status=NOT_RUN,
                told=fault.what,
            )


def _verdict(test: Node, results: dict[str, tuple[str, str]], error: str) -> UnitVerdict:
    status, told = results.get(test["unique_id"], (NOT_RUN, error or "dbt leaves it out"))
    return UnitVerdict(
        model=test["model"],
        name=test["name"],
        declared=declared(test),
        status=status,
        told=told.strip("\n"),
    )


def _tables(
    folder: Path,
    project: CompiledProject,
    tests: Iterable[Node],
    contract_of: Callable[[str], Contract | None],
) -> list[str]:
    """Make the tables that tests read, without a row, a file for each database; their names.

    A table whose columns are not known is left out: dbt says so of the tests that read it.
    """
    read = {key for test in tests for key in test["depends_on"].get("nodes", [])}
    tested = [node for test in tests if (node := _tested(project, test))]
    read |= {key for node in tested for key in node["depends_on"].get("nodes", [])}
    held: dict[str, list[tuple[Node, Contract]]] = {}
    for key in sorted(read):
        contract, node = contract_of(key), project.node(key)
        if contract is not None:
            held.setdefault(str(node["database"]), []).append((node, contract))
    for database, tables in held.items():
        with duckdb.connect(str(folder / f"{database}.duckdb")) as connection:
            for node, contract in tables:
                schema, name = map(quote, relation(node))
                connection.register("empty", contract.schema.empty_table())
                connection.execute(f"create schema if not exists {schema}")
                connection.execute(f"create table {schema}.{name} as from empty")
    return sorted(held)
