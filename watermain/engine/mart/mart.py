"""The models, the seeds and the snapshots of a dbt project as declared datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import sqlglot
from sqlglot import exp

from watermain.dbt.dbt_fault import said
from watermain.declare.body.mart import THIS, CompiledModel, Growth, Mart
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
from watermain.engine.mart.state import snapshot
from watermain.engine.mart.state.incremental import (
    BATCHES,
    batched,
    growth,
    is_incremental,
    microbatch_cadence,
    microbatch_words,
    strategy,
)
from watermain.engine.mart.state.python_model import python_shape
from watermain.engine.mart.state.shape import NodeShape

CADENCES: Mapping[str, type[Cadence]] = {"hourly": Hourly, "daily": Daily, "monthly": Monthly}
TABLES = ("incremental", "table", "view")
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
        inputs = {alias(n): n for n in self._project.inputs(node)}
        shape = self._shape(node, words, inputs)
        contract = promised(self._project, node, shape.words, shape.schema)
        return Dataset(
            **common,
            contract=contract,
            inputs=inputs,
            needs=_needs(node, shape, inputs),
            checks=(*shape.checks, *checks_of(self._project, node, contract.key)),
            cadence=shape.cadence,
            slo=promise(node, words.get("slo")),
            schedule=words.get("schedule"),
            body=shape.body or _body(shape.sql),
            mart=Mart(
                sql=shape.sql,
                model=model,
                is_sql=shape.body is None,
                grows=shape.grows,
                batched=shape.batched,
            ),
        )

    def _shape(
        self, node: Node, words: Mapping[str, Any], inputs: Mapping[str, DatasetName]
    ) -> NodeShape:
        """How a node's rows are made."""
        _refuse_cadence(node, words)
        if node["language"] != "sql":
            shape = python_shape(self._project, node, words)
            return replace(shape, cadence=_cadence(node, words))
        sql = self._project.renamed(node, lambda name: f"input_{alias(name)}")
        if node["resource_type"] == "snapshot":
            source, known = self._inferred(node, sql, inputs)
            return self._snapshot(node, words, source, [name for name, _ in known], inputs)
        if is_incremental(node):
            return self._incremental(node, words, sql, inputs)
        return replace(self._made(node, words, sql, inputs), cadence=_cadence(node, words))

    def _made(
        self, node: Node, words: Mapping[str, Any], sql: str, inputs: Mapping[str, DatasetName]
    ) -> NodeShape:
        """A table that SQL makes as a whole."""
        if is_complete(node, words):
            return NodeShape(sql=sql, words=words)
        made, schema = self._inferred(node, sql, inputs)
        return NodeShape(sql=made, words=words, schema=schema)

    def _incremental(
        self, node: Node, words: Mapping[str, Any], sql: str, inputs: Mapping[str, DatasetName]
    ) -> NodeShape:
        """A table that is cut into batches, or whose rows follow from its own last ones."""
        if strategy(node) == BATCHES:
            shape = self._made(node, microbatch_words(node, words), sql, inputs)
            cadence = microbatch_cadence(node, words)
            return replace(shape, cadence=cadence, batched=batched(self._project, node))
        shape = self._made(node, words, sql, inputs)
        written = [str(column["name"]) for column in node["columns"].values()]
        columns = [name for name, _ in shape.schema] if shape.schema else written
        return replace(shape, grows=self._growth(node, columns))

    def _growth(self, node: Node, columns: list[str]) -> Growth | None:
        """How an incremental model grows, by its SQL where `is_incremental()` is true."""
        own = self._project.name(node)

        def rename(name: DatasetName) -> str:
            return f"input_{THIS}" if name == own else f"input_{alias(name)}"

        code = self._project.told.get("grown", {}).get(node["unique_id"], node["compiled_code"])
        return growth(node, self._project.renamed(node, rename, code), columns)

    def _snapshot(
        self,
        node: Node,
        words: Mapping[str, Any],
        source: str,
        columns: list[str],
        inputs: Mapping[str, DatasetName],
    ) -> NodeShape:
        """How a snapshot is taken first, and then again."""
        of = snapshot.history(node, columns)
        sql, schema = self._inferred(node, snapshot.first_sql(source, of), inputs)
        return NodeShape(
            sql=sql,
            words=words,
            schema=schema,
            grows=snapshot.growth(source, of, columns),
            checks=snapshot.checks(node, self._project.name(node), of),
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


def _needs(node: Node, shape: NodeShape, inputs: Mapping[str, DatasetName]) -> dict[str, Needs]:
    """The inputs that a model makes rows without, and those that a batch reads its own rows of."""
    said = shape.words.get("optional", [])
    if not isinstance(said, list) or not {*map(str, said)} <= {*map(str, inputs.values())}:
        refuse(
            node,
            f"says that {said!r} is optional",
            f"list inputs of it: {quoted(map(str, inputs.values()))}",
        )
    return {
        alias: Needs(
            dataset=name,
            columns={},
            optional=str(name) in said,
            refresh="open" if alias in shape.batched else "all",
        )
        for alias, name in inputs.items()
        if str(name) in said or alias in shape.batched
    }


def _refuse_cadence(node: Node, words: Mapping[str, Any]) -> None:
    """Refuse partitions of what follows from its own last rows; a batch says its own."""
    kind = "a snapshot" if node["resource_type"] == "snapshot" else ""
    if is_incremental(node) and strategy(node) != BATCHES:
        kind = "incremental"
    if kind and "cadence" in words:
        refuse(
            node,
            f"is {kind} and has a cadence",
            "keep one: with a cadence the partitions whose inputs changed are made anew",
        )


def _refuse_config(node: Node) -> None:
    """Refuse what decides rows or rights in dbt, but has no meaning here."""
    how = node["config"]["materialized"]
    if how not in TABLES and node["resource_type"] != "snapshot":
        refuse(
            node,
            f"is materialized as {how!r}",
            f"use one of {quoted(TABLES)}: the platform stages, audits and publishes every mart",
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
