"""The tables of a dbt project as declared datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import sqlglot
from sqlglot import exp

from watermain.dbt.dbt_fault import said
from watermain.declare.body.mart import CompiledModel, Mart
from watermain.declare.cadence import Cadence, Daily, Hourly, Monthly
from watermain.declare.contract import Contract
from watermain.declare.dataset import Dataset
from watermain.declare.errors import WatermainError, quoted
from watermain.declare.name import DatasetName
from watermain.declare.need import Needs
from watermain.engine.mart.beside.exposure import homeless
from watermain.engine.mart.beside.unused import refuse_hooks, unused
from watermain.engine.mart.dark_mart import dark
from watermain.engine.mart.inferred import Schema, inferred
from watermain.engine.mart.manifest import CompiledProject, alias, read_project
from watermain.engine.mart.mart_check import checks_of
from watermain.engine.mart.mart_fault import UNREADABLE, Faults, belongs_nowhere
from watermain.engine.mart.mart_promise import promise
from watermain.engine.mart.node import Node, declared, refuse
from watermain.engine.mart.promised import is_complete, promised, words_said
from watermain.engine.mart.seed import seed

CADENCES: Mapping[str, type[Cadence]] = {"hourly": Hourly, "daily": Daily, "monthly": Monthly}
TABLES = {"table", "view"}
ContractOf = Callable[[DatasetName], Contract | None]


def marts(team: str, manifest: Path, contract_of: ContractOf = lambda name: None) -> list[Dataset]:
    """Declare every model, seed and snapshot of a team as the dataset `<team>.marts.<alias>`.

    Shapes: `contract_of` tells what rooms promise of the datasets that models read as sources.
    Guarantees: a mart's inputs, contract and checks are those of the dbt project; one that is wrong
    keeps its name, and tells why when it is built; it takes no other with it.
    """
    project = read_project(manifest)
    faults = _Declaring(project, manifest, contract_of).faults
    found: list[Dataset] = []
    for node in project.tables(team):
        made = faults.made(node)
        if isinstance(made, WatermainError):
            kept = project.told.get("kept", {}).get(node["original_file_path"])
            promise = _promise(project, node) or _promise(project, kept)
            made = dark(project.name(node), made, **promise)
        found += [made] if made else []
    for name, path, error in faults.unparsed(team):
        found.append(dark(name, error, **_promise(project, project.told["kept"].get(path))))
    return found


def notes(manifest: Path, contract_of: ContractOf = lambda name: None) -> list[str]:
    """What is wrong with a project beside its marts, a line for each."""
    project = read_project(manifest)
    told = [*_Declaring(project, manifest, contract_of).faults.strays()]
    told += [f"{e.declared} {e.what}" for e in belongs_nowhere(project)]
    return [*told, *unused(project), *homeless(project)]


def contracts(manifest: Path, contract_of: ContractOf) -> Callable[[str], Contract | None]:
    """What each node of a project promises, by its id; None for what is no dataset or is wrong."""
    project = read_project(manifest)
    faults = _Declaring(project, manifest, contract_of).faults

    def contract(key: str) -> Contract | None:
        node = project.node(key)
        try:
            own = project.keys.get(project.name(node), "")
        except (WatermainError, KeyError):
            return None
        made = faults.made(project.node(own)) if own else None
        if own:
            return made.contract if isinstance(made, Dataset) else None
        return contract_of(project.name(node))

    return contract


def _promise(project: CompiledProject, node: Node | None) -> dict[str, Any]:
    """What a model promises, as far as it can be read without its SQL."""
    if node is None:
        return {}
    try:
        words = words_said(node)
        if not is_complete(node, words):
            return {}
        contract, cadence = promised(project, node, words), _cadence(node, words)
    except (WatermainError, *UNREADABLE):
        return {}
    return {"contract": contract, "cadence": cadence, "owner": words.get("owner")}


class _Declaring:
    """The way from the nodes of a project to datasets, each of which is made once."""

    def __init__(self, project: CompiledProject, manifest: Path, contract_of: ContractOf) -> None:
        self._project, self._manifest, self._contract_of = project, manifest, contract_of
        self.faults = Faults(project, self.dataset)

    def dataset(self, node: Node) -> Dataset:
        """The dataset of one node.

        Raises: InvalidDeclarationError, for what cannot be honoured.
        """
        words, model = (
            words_said(node),
            CompiledModel(id=node["unique_id"], manifest=self._manifest),
        )
        name = self._project.name(node)
        common = {
            "name": name,
            "owner": words.get("owner") or _owner(self._project, node, name.team),
            "declared": declared(node),
            "description": node["description"].strip().partition(". ")[2],
        }
        if node["resource_type"] == "seed":
            return seed(self._project, node, words, model, common)
        _refuse_config(node)
        if node["language"] != "sql":
            refuse(node, f"is written in {node['language']}", "write the model in SQL")
        inputs = {alias(n): n for n in self._project.inputs(node)}
        sql = self._project.renamed(node, lambda name: f"input_{alias(name)}")
        schema: Schema | None = None
        if not is_complete(node, words):
            sql, schema = self._inferred(node, sql, inputs)
        contract = promised(self._project, node, words, schema)
        return Dataset(
            **common,
            contract=contract,
            inputs=inputs,
            needs=_optional(node, words, inputs),
            checks=tuple(checks_of(self._project, node, contract.key)),
            cadence=_cadence(node, words),
            slo=promise(node, words.get("slo")),
            schedule=words.get("schedule"),
            body=_body(sql),
            mart=Mart(sql=sql, model=model),
        )

    def _inferred(
        self, node: Node, sql: str, inputs: Mapping[str, DatasetName]
    ) -> tuple[str, Schema]:
        """What the engine makes of a model whose columns are not all written down."""
        known = {f"input_{alias}": self._columns(node, name) for alias, name in inputs.items()}
        try:
            return inferred(sql, known)
        except duckdb.Error as error:
            refuse(node, f"is refused by the engine: {said(error)}", "mend its SQL")

    def _columns(self, node: Node, name: DatasetName) -> pa.Schema:
        """The columns of a dataset that a model reads."""
        above = self._project.keys.get(name)
        made = self.faults.made(self._project.node(above)) if above else None
        contract = made.contract if isinstance(made, Dataset) else self._contract_of(name)
        if isinstance(made, WatermainError):
            raise made
        if contract is None:
            refuse(
                node,
                f"reads `{name}`, which no room declares, so its columns are not known",
                "declare that dataset, or write a `data_type` for each column of the model and its"
                " `key` in meta.watermain",
            )
        return contract.schema


def _owner(project: CompiledProject, node: Node, team: str) -> str:
    """Who answers for a node: whoever its group names, else its team."""
    groups = (project.manifest.get("groups") or {}).values()
    named = [g for g in groups if g["name"] == node["config"].get("group")]
    return next(
        (str(g["owner"]["email"]) for g in named if g["owner"].get("email")), f"team:{team}"
    )


def _optional(
    node: Node, words: Mapping[str, Any], inputs: Mapping[str, DatasetName]
) -> dict[str, Needs]:
    """The inputs that a model makes rows without."""
    said = words.get("optional", [])
    if not isinstance(said, list) or not {*map(str, said)} <= {*map(str, inputs.values())}:
        refuse(
            node,
            f"says that {said!r} is optional",
            f"list inputs of it: {quoted(map(str, inputs.values()))}",
        )
    return {
        alias: Needs(dataset=name, columns={}, optional=True)
        for alias, name in inputs.items()
        if str(name) in said
    }


def _refuse_config(node: Node) -> None:
    """Refuse what decides rows or rights in dbt, but has no meaning here."""
    how = node["config"]["materialized"]
    if how not in TABLES:
        refuse(
            node,
            f"is materialized as {how!r}",
            "say `materialized: table`: the platform stages, audits and publishes every mart, and"
            " computes only partitions whose inputs changed",
        )
    refuse_hooks(node)


def _body(sql: str) -> Callable[..., ibis.Table]:
    """A body that runs the SQL over tables of one engine, whatever they are called there."""

    def body(**tables: ibis.Table) -> ibis.Table:
        names = {f"input_{word}": table.get_name() for word, table in tables.items()}
        text = sql
        if any(word != name for word, name in names.items()):
            tree = sqlglot.parse_one(sql, dialect="duckdb")
            text = exp.replace_tables(tree, names, dialect="duckdb").sql(dialect="duckdb")
        given = next(iter(tables.values()), None)
        backend = ibis.get_backend() if given is None else given.get_backend()
        return backend.sql(text)

    return body


def _cadence(node: Node, words: Mapping[str, Any]) -> Cadence | None:
    word = words.get("cadence")
    if word is None:
        return None
    if word not in CADENCES:
        refuse(node, f"has the cadence {word!r}", f"use one of {quoted(CADENCES)}")
    late = timedelta(days=words.get("late_for_days", 0))
    more = {name: words[name] for name in ("zone", "start") if name in words}
    return CADENCES[word](late_for=late, **more)
