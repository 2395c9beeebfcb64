"""The dbt models of a team as declared datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import ibis
import sqlglot
from sqlglot import exp

from watermain.declare.body.mart import CompiledModel, Mart
from watermain.declare.cadence import Cadence, Daily, Hourly, Monthly
from watermain.declare.contract import Column, Contract, Migration, Sensitivity
from watermain.declare.dataset import Dataset
from watermain.declare.errors import WatermainError, quoted
from watermain.declare.name import DatasetName
from watermain.declare.need import Needs
from watermain.engine.exchange.dbt_sources import arrow_type
from watermain.engine.mart.dark_mart import dark
from watermain.engine.mart.manifest import (
    CompiledProject,
    Node,
    alias,
    declared,
    name_of,
    read_project,
    refuse,
)
from watermain.engine.mart.mart_check import checks_of, strays
from watermain.engine.mart.mart_fault import UNREADABLE, Faults, belongs_nowhere, hooks
from watermain.engine.mart.mart_promise import promise

CADENCES: Mapping[str, type[Cadence]] = {"hourly": Hourly, "daily": Daily, "monthly": Monthly}
PLACES = {"zone", "start", "late_for_days"}
WORDS = PLACES | {
    *("cadence", "event_time", "grain", "key", "migrations", "optional", "owner"),
    *("schedule", "slo", "version"),
}
TABLES = {"table", "view"}


def marts(team: str, manifest: Path) -> list[Dataset]:
    """Declare every model of `models/marts/<team>/` as the dataset `<team>.marts.<model>`.

    Guarantees: a mart's inputs, contract and checks are those of the dbt project; one that is wrong
    keeps its name, and tells why when it is built; it takes no other with it.
    """
    project = read_project(manifest)
    faults = _faults(project, manifest)
    found: list[Dataset] = []
    for node in project.models(team):
        made = faults.made(node)
        if isinstance(made, WatermainError):
            kept = project.told.get("kept", {}).get(node["original_file_path"])
            made = dark(name_of(node), made, **(_promise(node) or _promise(kept)))
        found += [made] if made else []  # `notes` tells of one without a name
    for name, path, error in faults.unparsed(team):
        found.append(dark(name, error, **_promise(project.told["kept"].get(path))))
    return found


def _faults(project: CompiledProject, manifest: Path) -> Faults:
    return Faults(project, lambda node: _dataset(project, node, manifest))


def notes(manifest: Path) -> list[str]:
    """What is wrong with a project beside its marts, a line for each."""
    project = read_project(manifest)
    other = [*strays(project), *belongs_nowhere(project)]
    told = [*_faults(project, manifest).strays(), *hooks(project)]
    return [*told, *(f"{e.declared} {e.what}" for e in other)]


def _promise(node: Node | None) -> dict[str, Any]:
    """What a model promises, as far as it can be read."""
    if node is None:
        return {}
    try:
        words = _words(node)
        contract, cadence = _contract(node, words), _cadence(node, words)
    except (WatermainError, *UNREADABLE):
        return {}
    return {"contract": contract, "cadence": cadence, "owner": words.get("owner")}


def _dataset(project: CompiledProject, node: Node, manifest: Path) -> Dataset:
    if node["language"] != "sql":
        refuse(node, f"is written in {node['language']}", "write the model in SQL")
    words = _words(node)
    inputs = {alias(n): n for n in project.inputs(node)}
    if not inputs:
        refuse(node, "reads nothing", "read a table by `source()` or `ref()`")
    sql = project.renamed(node, lambda name: f"input_{alias(name)}")
    _refuse_config(node)
    return Dataset(
        name=name_of(node),
        contract=_contract(node, words),
        owner=words.get("owner", f"team:{name_of(node).team}"),
        declared=declared(node),
        description=node["description"].strip().partition(". ")[2],
        inputs=inputs,
        needs=_optional(node, words, inputs),
        checks=tuple(checks_of(project, node, words["key"])),
        cadence=_cadence(node, words),
        slo=promise(node, words.get("slo")),
        schedule=words.get("schedule"),
        body=_body(sql),
        mart=Mart(sql=sql, model=CompiledModel(id=node["unique_id"], manifest=manifest)),
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


def _contract(node: Node, words: Mapping[str, Any]) -> Contract:
    grain = node["description"].strip().partition(". ")[0]
    return Contract(
        grain=words.get("grain") or grain.removesuffix("."),
        key=tuple(words["key"]),
        event_time=words.get("event_time"),
        version=str(words.get("version", "1.0.0")),
        migrations=tuple(Migration(*map(str, m)) for m in words.get("migrations", {}).items()),
        columns=tuple(_column(node, c) for c in node["columns"].values()),
    )


def _refuse_config(node: Node) -> None:
    """Refuse what decides rows or rights in dbt, but has no meaning here."""
    config = node["config"]
    how = config["materialized"]
    if how not in TABLES:
        refuse(
            node,
            f"is materialized as {how!r}",
            "say `materialized: table`: the platform stages, audits and publishes every mart, and"
            " computes only partitions whose inputs changed",
        )
    for word in ("pre-hook", "post-hook", "sql_header", "grants"):
        if config.get(word):
            refuse(node, f"sets `{word}`, which the platform does not run", "leave it out")


def _body(sql: str) -> Callable[..., ibis.Table]:
    """A body that runs the SQL over tables of one engine, whatever they are called there."""

    def body(**tables: ibis.Table) -> ibis.Table:
        names = {f"input_{word}": table.get_name() for word, table in tables.items()}
        text = sql
        if any(word != name for word, name in names.items()):
            tree = sqlglot.parse_one(sql, dialect="duckdb")
            text = exp.replace_tables(tree, names, dialect="duckdb").sql(dialect="duckdb")
        return next(iter(tables.values())).get_backend().sql(text)

    return body


def _words(node: Node) -> Mapping[str, Any]:
    words: dict[str, Any] = node["config"]["meta"].get("watermain", {})
    unknown = set(words) - WORDS
    if unknown:
        refuse(node, f"says {quoted(unknown)} in meta.watermain", f"use {quoted(WORDS)}")
    if not isinstance(words.get("key"), list):
        refuse(node, "has no key", "list its columns in `config: meta: watermain: key: [...]`")
    return words


def _column(node: Node, column: Mapping[str, Any]) -> Column:
    word, meta = column.get("data_type"), column["config"]["meta"]
    kind = arrow_type(word or "")
    if kind is None:
        refuse(
            node,
            f"gives column `{column['name']}` the data_type {word!r}",
            "use one such as `varchar`, `integer`, `bigint`, `double`, `date`, `timestamptz`",
        )
    sensitivity = meta.get("sensitivity", Sensitivity.INTERNAL.value)
    known = [s.value for s in Sensitivity]
    if sensitivity not in known:
        refuse(
            node,
            f"gives column `{column['name']}` the sensitivity {sensitivity!r}",
            f"use one of {quoted(known)}",
        )
    return Column(
        column["name"],
        kind,
        column["description"],
        unit=meta.get("unit"),
        sensitivity=Sensitivity(sensitivity),
    )


def _cadence(node: Node, words: Mapping[str, Any]) -> Cadence | None:
    word = words.get("cadence")
    if word is None:
        return None
    if word not in CADENCES:
        refuse(node, f"has the cadence {word!r}", f"use one of {quoted(CADENCES)}")
    late = timedelta(days=words.get("late_for_days", 0))
    more = {name: words[name] for name in ("zone", "start") if name in words}
    return CADENCES[word](late_for=late, **more)
