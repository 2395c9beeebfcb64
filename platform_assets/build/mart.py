"""The dbt models of a team as declared datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import ibis
import sqlglot
from sqlglot import exp

from platform_assets.build.dbt_sources import arrow_type
from platform_assets.build.manifest import (
    Node,
    Project,
    alias,
    declared,
    name_of,
    read_project,
    refuse,
)
from platform_assets.build.mart_check import checks_of, constraints_of, refuse_strays
from platform_assets.declare.cadence import Cadence, Daily, Hourly, Monthly
from platform_assets.declare.check import Check
from platform_assets.declare.contract import Column, Contract, Migration, Sensitivity
from platform_assets.declare.dataset import Dataset
from platform_assets.declare.errors import quoted
from platform_assets.declare.slo import Slo

CADENCES: Mapping[str, type[Cadence]] = {"hourly": Hourly, "daily": Daily, "monthly": Monthly}
PLACES = {"zone", "start", "late_for_days"}
WORDS = {"cadence", "event_time", "grain", "key", "migrations", "owner", "slo", "version"} | PLACES
PROMISES = {"ready_within_hours", "target", "over_days"}


def marts(team: str, manifest: Path) -> list[Dataset]:
    """Declare every model of `models/marts/<team>/` as the dataset `<team>.marts.<model>`.

    Guarantees: a mart's inputs, contract, checks are those of the dbt project.
    Raises: InvalidDeclarationError, naming the model's file.
    """
    project = read_project(manifest)
    refuse_strays(project, team)
    return [_dataset(project, node, str(manifest)) for node in project.models(team)]


def _dataset(project: Project, node: Node, manifest: str) -> Dataset:
    if node["language"] != "sql":
        refuse(node, f"is written in {node['language']}", "write the model in SQL")
    words = _words(node)
    inputs = {alias(n): n for n in project.inputs(node)}
    if not inputs:
        refuse(node, "reads nothing", "read a table by `source()` or `ref()`")
    sql = project.renamed(node, lambda name: f"input_{alias(name)}")
    grain, _, rest = node["description"].strip().partition(". ")
    contract = Contract(
        grain=words.get("grain") or grain.removesuffix("."),
        key=tuple(words["key"]),
        event_time=words.get("event_time"),
        version=str(words.get("version", "1.0.0")),
        migrations=tuple(Migration(*map(str, m)) for m in words.get("migrations", {}).items()),
        columns=tuple(_column(node, c) for c in node["columns"].values()),
    )
    return Dataset(
        name=name_of(node),
        contract=contract,
        owner=words.get("owner", f"team:{name_of(node).team}"),
        declared=declared(node),
        description=rest,
        inputs=inputs,
        checks=_checks(project, node),
        cadence=_cadence(node, words),
        slo=_slo(node, words),
        body=_body(sql),
        labels={"sql": sql, "dbt": node["unique_id"], "manifest": manifest},
    )


def _checks(project: Project, node: Node) -> tuple[Check, ...]:
    """The tests of a model, then the constraints of its contract that no test says already."""
    found = {check.label: check for check in checks_of(project, node)}
    for check in constraints_of(node):
        found.setdefault(check.label, check)
    return tuple(found.values())


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


def _slo(node: Node, words: Mapping[str, Any]) -> Slo | None:
    promise = words.get("slo")
    if promise is None:
        return None
    if "ready_within_hours" not in promise or set(promise) - PROMISES:
        refuse(node, f"promises {quoted(promise)}", f"use {quoted(PROMISES)}")
    return Slo(
        ready_within=timedelta(hours=promise["ready_within_hours"]),
        target=promise.get("target", 0.99),
        over=timedelta(days=promise.get("over_days", 28)),
    )
