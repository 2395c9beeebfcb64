"""What a node of a dbt project promises: its contract, by its words and by its tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from watermain.declare.contract import Column, Contract, Migration, Sensitivity
from watermain.declare.errors import quoted
from watermain.engine.exchange.physical_type import physical_type
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.mart_check import tests_of
from watermain.engine.mart.node import Node, refuse

Schema = Sequence[tuple[str, pa.DataType]]
PLACES = {"zone", "start", "late_for_days"}
WORDS = PLACES | {
    *("cadence", "event_time", "grain", "key", "migrations", "optional", "owner"),
    *("schedule", "slo", "team", "version"),
}
DRAFT = "0.1.0"
COMBINATION = "unique_combination_of_columns"


def words_said(node: Node) -> Mapping[str, Any]:
    """What a node says in `meta.watermain`.

    Raises: InvalidDeclarationError, for a word that has no meaning there.
    """
    words: dict[str, Any] = node["config"]["meta"].get("watermain", {})
    unknown = set(words) - WORDS
    if unknown:
        refuse(node, f"says {quoted(unknown)} in meta.watermain", f"use {quoted(WORDS)}")
    if not isinstance(words.get("key", []), list):
        refuse(
            node,
            f"has the key {words['key']!r}",
            "list its columns in `config: meta: watermain: key: [...]`",
        )
    return words


def is_complete(node: Node, words: Mapping[str, Any]) -> bool:
    """Whether a node writes down its key and every column, so that nothing is inferred."""
    typed = [bool(column.get("data_type")) for column in node["columns"].values()]
    return "key" in words and bool(typed) and all(typed)


def promised(
    project: CompiledProject,
    node: Node,
    words: Mapping[str, Any],
    schema: Schema | None = None,
) -> Contract:
    """The contract of a node; its columns are those of `schema`, where they were inferred.

    Guarantees: without a key of its own it has the primary key of its constraints, else the column
    whose tests say `unique` and `not_null`; without those its uniqueness is not checked. What did
    not write its key down is a draft.
    """
    if schema is not None and (node["config"].get("contract") or {}).get("enforced"):
        _refuse_other_columns(node, schema)
    key = _key(project, node, words)
    grain = words.get("grain") or node["description"].strip().partition(". ")[0].removesuffix(".")
    if not grain:
        grain = f"one row per {', '.join(key)}" if key else f"rows of `{node['name']}`"
    return Contract(
        grain=" ".join(grain.split()),
        key=key or (),
        keyless=key is None,
        event_time=words.get("event_time"),
        version=str(words.get("version", "1.0.0" if "key" in words else DRAFT)),
        migrations=tuple(Migration(*map(str, m)) for m in words.get("migrations", {}).items()),
        columns=tuple(_written(node) if schema is None else _known(node, schema)),
    )


def _key(project: CompiledProject, node: Node, words: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The columns that name a row; None where nothing says so."""
    if "key" in words:
        return tuple(words["key"])
    placed = [(tuple(c.get("columns") or ()), c["type"]) for c in node.get("constraints") or []]
    for column in node["columns"].values():
        placed += [((column["name"],), c["type"]) for c in column.get("constraints") or []]
    for columns, kind in placed:
        if kind == "primary_key" and columns:
            return columns
    filled = {
        str(words.get("column_name")).strip('"') for words in _strict(project, node, "not_null")
    }
    unique = [(words.get("column_name"),) for words in _strict(project, node, "unique")]
    unique += [
        tuple(words.get("combination_of_columns") or ())
        for words in _strict(project, node, COMBINATION, package="dbt_utils")
    ]
    for columns in unique:
        named = tuple(str(column).strip('"') for column in columns)
        if named and filled.issuperset(named):
            return named
    return None


def _strict(
    project: CompiledProject, node: Node, word: str, package: str | None = None
) -> Iterator[Mapping[str, Any]]:
    """What tests of one word say that every row must pass; stock ones, or those of a package."""
    for test in tests_of(project, node):
        said, config = test.get("test_metadata") or {}, test["config"]
        meant = said.get("name") == word and (said.get("namespace") or None) == package
        known = package is not None or word in project.stock_tests
        own = test.get("attached_node") == node["unique_id"]
        plain = not config["where"] and str(config["severity"]).lower() == "error"
        counted = config.get("error_if") in (None, "!= 0") and config.get("limit") != 0
        if meant and known and own and plain and counted:
            yield said["kwargs"]


def _refuse_other_columns(node: Node, schema: Schema) -> None:
    """Refuse a model whose enforced contract tells of other columns than its SQL makes.

    Raises: InvalidDeclarationError.
    """
    said = {c.name: c.type for c in _written(node)}
    made = dict(schema)
    for name in said.keys() ^ made.keys():
        where = "its SQL does not make" if name in said else "the contract does not name"
        refuse(
            node,
            f"has an enforced contract, and a column `{name}` that {where}",
            "let `columns:` name what the SQL makes, each with its `data_type`",
        )
    for name, kind in made.items():
        if said[name] != kind:
            refuse(
                node,
                f"has an enforced contract by which `{name}` is {said[name]}, but it is {kind}",
                "cast the column in the SQL, or write its `data_type` as it is",
            )


def _written(node: Node) -> Iterator[Column]:
    """The columns as they are written down."""
    for column in node["columns"].values():
        kind = physical_type(column.get("data_type") or "")
        if kind is None:
            refuse(
                node,
                f"gives column `{column['name']}` the data_type {column.get('data_type')!r}",
                "use one such as `varchar`, `integer`, `bigint`, `double`, `date`, `timestamptz`",
            )
        yield _column(node, column["name"], kind, column)


def _known(node: Node, schema: Schema) -> Iterator[Column]:
    """The columns as the engine makes them, with what is written down of each."""
    said = {name.lower(): column for name, column in node["columns"].items()}
    for name, kind in schema:
        yield _column(node, name, kind, said.pop(name.lower(), {}))
    for column in said.values():
        if (column.get("config") or {}).get("meta", {}).get("sensitivity"):
            refuse(
                node,
                f"says how sensitive column `{column['name']}` is, which it does not make",
                "name the column as the SQL names it",
            )


def _column(node: Node, name: str, kind: pa.DataType, said: Mapping[str, Any]) -> Column:
    meta = (said.get("config") or {}).get("meta") or said.get("meta") or {}
    sensitivity = meta.get("sensitivity", Sensitivity.INTERNAL.value)
    known = [s.value for s in Sensitivity]
    if sensitivity not in known:
        refuse(
            node,
            f"gives column `{name}` the sensitivity {sensitivity!r}",
            f"use one of {quoted(known)}",
        )
    return Column(
        name,
        kind,
        said.get("description", ""),
        unit=meta.get("unit"),
        sensitivity=Sensitivity(sensitivity),
    )
