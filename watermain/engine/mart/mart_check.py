"""The dbt tests of a model as declared checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from watermain.declare.check import (
    AcceptedValues,
    Check,
    Expression,
    NotNull,
    Query,
    RefersTo,
    Severity,
    UniqueKey,
)
from watermain.declare.errors import quoted
from watermain.engine.mart.held import NO_MODEL, held
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.node import Node, declared, is_ephemeral, refuse

SEVERITIES: Mapping[str, Severity] = {"error": "block", "warn": "warn"}
CONSTRAINTS = ("check", "not_null", "primary_key", "unique")
COUNT = "count(*)"
ANY = ("!= 0", "!=0", "<> 0", "> 0", ">0", ">= 1", ">=1")
OTHERS = {
    *("alias", "database", "enabled", "group", "materialized", "meta", "name", "schema"),
    *("error_if", "fail_calc", "limit", "severity", "store_failures", "store_failures_as"),
    *("tags", "warn_if", "where"),
}
SHOWN = 5  # of the rows that fail, where their storing is asked for


def checks_of(project: CompiledProject, model: Node, key: Sequence[str]) -> list[Check]:
    """Translate the tests of a model, and then the constraints of its contract.

    A test without a word of ours runs as compiled SQL, and so does a second one of the same word.
    Where a constraint says what a test says already, the stricter of the two stays.
    Raises: InvalidDeclarationError, for a test or a constraint that cannot be kept.
    """
    found: dict[str, Check] = {}
    for test in tests_of(project, model):
        check = _check(project, model, test, tuple(key))
        if check.label in found and check != found[check.label]:
            check = _query(project, model, test, check.severity)
        found[check.label] = replace(check, declared=declared(test))
    for check in constraints_of(model, key):
        said = found.get(check.label)
        if said is None or said.severity != check.severity:
            found[check.label] = check
    return list(found.values())


def constraints_of(model: Node, key: Sequence[str] = ()) -> Iterator[Check]:
    """Translate the constraints of a dbt contract: the audit enforces what a warehouse would.

    Raises: InvalidDeclarationError, for a constraint that has no word here.
    """
    placed = [(tuple(c.get("columns") or ()), c) for c in model.get("constraints") or []]
    for column in model["columns"].values():
        placed += [((column["name"],), c) for c in column.get("constraints") or []]
    names: list[str] = []
    for columns, constraint in placed:
        kind, sql = constraint["type"], constraint.get("expression")
        if kind not in CONSTRAINTS or not (columns or sql):
            refuse(model, f"has the constraint {kind!r}", f"use one of {quoted(CONSTRAINTS)}")
        if kind in ("unique", "primary_key"):
            yield _unique(columns, key, "block", nulls_repeat=kind == "primary_key")
        if kind in ("not_null", "primary_key"):
            yield from (NotNull(column=column) for column in columns)
        if kind == "check":
            name = constraint.get("name") or f"check_{'_'.join(columns)}"
            names.append(name)
            more = names.count(name)
            yield Expression(name=name if more == 1 else f"{name}_{more}", sql=str(sql))


def _unique(
    columns: tuple[str, ...], key: Sequence[str], severity: Severity, *, nulls_repeat: bool = False
) -> UniqueKey:
    """Uniqueness as SQL and dbt mean it, which leaves nulls out; a key has none."""
    is_key = set(columns) <= set(key)
    return UniqueKey(key=columns, severity=severity, nulls_repeat=nulls_repeat or is_key)


def tests_of(project: CompiledProject, model: Node) -> tuple[Node, ...]:
    """The tests that hold a model."""
    return held(project).tests(model)


def _check(project: CompiledProject, model: Node, test: Node, key: tuple[str, ...]) -> Check:
    config = test["config"]
    severity = SEVERITIES.get(str(config["severity"]).lower())
    if severity is None:
        refuse(test, f"has the severity {config['severity']!r}", "use `error` or `warn`")
    for option, value in config.items():
        if option not in OTHERS and value not in (None, [], {}, ""):
            refuse(test, f"sets `{option}`, which has no meaning here", f"use {quoted(OTHERS)}")
    plain = _plain(project, model, test, severity, key)
    return plain or _query(project, model, test, severity)


def _query(project: CompiledProject, model: Node, test: Node, severity: Severity) -> Query:
    config, sql = test["config"], project.renamed(test, str)
    if config.get("limit") is not None:
        sql = f"select * from ({sql}) as found limit {int(config['limit'])}"
    return Query(
        name=test["name"],
        sql=sql,
        datasets=tuple(n for n in project.inputs(test) if n != project.name(model)),
        severity=severity,
        **_counting(config),
    )


def _counting(config: Node) -> dict[str, Any]:
    """How a test counts and judges what it finds, where that is not the usual way."""
    counts, found = config.get("fail_calc") or COUNT, dict[str, Any]()
    if counts.replace(" ", "").lower() != COUNT:
        found["counts"] = str(counts)
    for word, ours in (("warn_if", "warn_if"), ("error_if", "block_if")):
        if (config.get(word) or ANY[0]) not in ANY:
            found[ours] = str(config[word])
    if _is_stored(config):
        found["shows"] = SHOWN
    return found


def _is_stored(config: Node) -> bool:
    """Whether a test asks to keep the rows that fail."""
    how = config.get("store_failures_as")
    return how != "ephemeral" if how else bool(config.get("store_failures"))


def _plain(
    project: CompiledProject, model: Node, test: Node, severity: Severity, key: tuple[str, ...]
) -> Check | None:
    """The check that says the same in a word of ours, if there is one."""
    generic = test.get("test_metadata") or {}
    words: dict[str, Any] = generic.get("kwargs", {})
    column = str(words.get("column_name"))
    kind = generic.get("name")
    if not _is_plain(project, model, test) or column not in model["columns"]:
        return None
    if kind == "not_null":
        return NotNull(column=column, severity=severity)
    if kind == "unique":
        return _unique((column,), key, severity)
    if kind == "accepted_values" and words.get("quote", True):
        values = tuple(str(v) for v in words["values"])  # dbt, too, writes each as a text
        return AcceptedValues(column=column, values=values, severity=severity)
    return _reference(project, model, test, severity) if kind == "relationships" else None


def _is_plain(project: CompiledProject, model: Node, test: Node) -> bool:
    """Whether a stock test is of all rows of the model itself, of which it counts each."""
    generic, config, nodes = (
        test.get("test_metadata") or {},
        test["config"],
        project.manifest["nodes"],
    )
    parts = any(is_ephemeral(nodes.get(i, NO_MODEL)) for i in test["depends_on"]["nodes"])
    own = test.get("attached_node") == model["unique_id"] and not parts
    counted = _counting(config) or config["where"] or config.get("limit") is not None
    stock = not generic.get("namespace") and generic.get("name") in project.stock_tests
    return own and stock and not counted


def _reference(
    project: CompiledProject, model: Node, test: Node, severity: Severity
) -> Check | None:
    words = test["test_metadata"]["kwargs"]
    others = [n for n in project.inputs(test) if n != project.name(model)]
    if len(others) != 1:
        return None  # it refers to itself
    column, field = words["column_name"], words["field"]
    return RefersTo(column=column, dataset=others[0], other=field, severity=severity)
