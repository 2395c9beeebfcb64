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
from watermain.declare.errors import InvalidDeclarationError, quoted
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.node import Node, declared, is_ephemeral, refuse

SEVERITIES: Mapping[str, Severity] = {"error": "block", "warn": "warn"}
CONSTRAINTS = ("check", "not_null", "primary_key", "unique")
ANY = ("!= 0", "!=0", "<> 0", "> 0", ">0", ">= 1", ">=1")
PLAIN: Mapping[str, Sequence[Any]] = {
    "error_if": ANY,
    "warn_if": ANY,
    "fail_calc": ("count(*)",),
    "limit": (None,),
    "sql_header": (None,),
    "store_failures": (None, False),
    "store_failures_as": (None,),
}
OTHERS = {
    *("alias", "database", "enabled", "group", "materialized", "meta", "name", "schema"),
    *("severity", "tags", "where"),
}
BESIDE = "let the test return the rows that fail, all of them"


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
    return project.kept("tests", lambda: _by_subject(project)).get(model["unique_id"], ())


def _by_subject(project: CompiledProject) -> dict[str, tuple[Node, ...]]:
    found: dict[str, tuple[Node, ...]] = {}
    for test in project.tests:
        for key in subjects(project, test):
            found[key] = (*found.get(key, ()), test)
    return found


def subject(project: CompiledProject, test: Node) -> str | None:
    """The id of what a test speaks about; dagster-dbt has the same rule.

    It is the model that a generic test is attached to, the only one that a singular test reads,
    or the one that the test names in `meta: {dagster: {ref: {name: ...}}}`.
    """
    named = test["config"]["meta"].get("dagster", {}).get("ref", {}).get("name")
    read: list[str] = test["depends_on"]["nodes"]
    if named is not None:
        return next((i for i in read if project.node(i)["name"] == named), None)
    attached = test.get("attached_node")
    return str(attached) if attached else read[0] if len(read) == 1 else None


def subjects(project: CompiledProject, test: Node) -> set[str]:
    """The ids of the models that a test holds: of an ephemeral one those that it is part of.

    A test that speaks about no single model counts as one of each model that it reads.
    """
    about = subject(project, test)
    found = {about} if about else set(test["depends_on"]["nodes"])
    while parts := {i for i in found if i.startswith("model.") and _is_part(project, i)}:
        found = (found - parts) | {r for p in parts for r in _readers(project, p)}
    return {i for i in found if i in project.names}


def _is_part(project: CompiledProject, unique_id: str) -> bool:
    node = project.manifest["nodes"].get(unique_id)
    return node is not None and is_ephemeral(node)


def _readers(project: CompiledProject, unique_id: str) -> list[str]:
    nodes = project.manifest["nodes"].items()
    return [
        k
        for k, n in nodes
        if unique_id in n["depends_on"].get("nodes", []) and k.startswith("model.")
    ]


def strays(project: CompiledProject) -> Iterator[InvalidDeclarationError]:
    """Each test that holds no mart, so that nobody takes it for one that passes."""
    for test in project.tests:
        if not subjects(project, test):
            try:
                refuse(
                    test,
                    "speaks about no mart, so the platform does not run it",
                    "declare a check of the curated dataset in its room, or test a mart",
                )
            except InvalidDeclarationError as error:
                yield error


def _check(project: CompiledProject, model: Node, test: Node, key: tuple[str, ...]) -> Check:
    config = test["config"]
    severity = SEVERITIES.get(str(config["severity"]).lower())
    if severity is None:
        refuse(test, f"has the severity {config['severity']!r}", "use `error` or `warn`")
    for option, value in config.items():
        if option in PLAIN and value not in PLAIN[option]:
            refuse(test, f"sets `{option}`", BESIDE)
        if option not in PLAIN and option not in OTHERS and value not in (None, [], {}, ""):
            refuse(test, f"sets `{option}`, which is unknown", f"use one of {quoted(OTHERS)}")
    if subject(project, test) is None:
        refuse(
            test,
            "speaks about no model",
            "name one in `config(meta={'dagster': {'ref': {'name': ...}}})`",
        )
    plain = _plain(project, model, test, severity, key)
    return plain or _query(project, model, test, severity)


def _query(project: CompiledProject, model: Node, test: Node, severity: Severity) -> Query:
    return Query(
        name=test["name"],
        sql=project.renamed(test, str),
        datasets=tuple(n for n in project.inputs(test) if n != project.name(model)),
        severity=severity,
    )


def _plain(
    project: CompiledProject, model: Node, test: Node, severity: Severity, key: tuple[str, ...]
) -> Check | None:
    """The check that says the same in a word of ours, if there is one."""
    generic = test.get("test_metadata") or {}
    words: dict[str, Any] = generic.get("kwargs", {})
    column = str(words.get("column_name"))
    kind = generic.get("name")
    parts = any(_is_part(project, i) for i in test["depends_on"]["nodes"])
    if parts or test["config"]["where"] or column not in model["columns"]:
        return None  # of an ephemeral model, whose columns are others; or of some rows only
    if generic.get("namespace") or kind not in project.stock_tests:
        return None
    if kind == "not_null":
        return NotNull(column=column, severity=severity)
    if kind == "unique":
        return _unique((column,), key, severity)
    if kind == "accepted_values" and words.get("quote", True):
        values = tuple(str(v) for v in words["values"])  # dbt, too, writes each as a text
        return AcceptedValues(column=column, values=values, severity=severity)
    return _reference(project, model, test, severity) if kind == "relationships" else None


def _reference(
    project: CompiledProject, model: Node, test: Node, severity: Severity
) -> Check | None:
    words = test["test_metadata"]["kwargs"]
    others = [n for n in project.inputs(test) if n != project.name(model)]
    if len(others) != 1:
        return None  # it refers to itself
    column, field = words["column_name"], words["field"]
    return RefersTo(column=column, dataset=others[0], other=field, severity=severity)
