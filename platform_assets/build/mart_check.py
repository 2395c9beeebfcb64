"""The dbt tests of a model as declared checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from platform_assets.build.manifest import Node, Project, declared, name_of, refuse
from platform_assets.declare.check import (
    AcceptedValues,
    Check,
    Expression,
    NotNull,
    Query,
    RefersTo,
    Severity,
    UniqueKey,
)
from platform_assets.declare.errors import quoted

SEVERITIES: Mapping[str, Severity] = {"error": "block", "warn": "warn"}
CONSTRAINTS = ("check", "not_null", "primary_key", "unique")
STOCK = {"limit": None, "fail_calc": "count(*)", "warn_if": "!= 0", "error_if": "!= 0"}


def checks_of(project: Project, model: Node) -> Iterator[Check]:
    """Translate the tests of a model; a test without a word of ours runs as compiled SQL."""
    for test in project.tests():
        if subject(project, test) == model["unique_id"]:
            check = _check(project, model, test)
            yield replace(check, declared=declared(test))


def constraints_of(model: Node) -> Iterator[Check]:
    """Translate the constraints of a dbt contract: what a warehouse would enforce, the audit does.

    Raises: InvalidDeclarationError, for a constraint that has no word here.
    """
    placed = [(tuple(c.get("columns") or ()), c) for c in model.get("constraints") or []]
    for column in model["columns"].values():
        placed += [((column["name"],), c) for c in column.get("constraints") or []]
    for columns, constraint in placed:
        kind, sql = constraint["type"], constraint.get("expression")
        if kind not in CONSTRAINTS or not (columns or sql):
            refuse(model, f"has the constraint {kind!r}", f"use one of {quoted(CONSTRAINTS)}")
        if kind in ("unique", "primary_key"):
            yield UniqueKey(key=columns)
        if kind in ("not_null", "primary_key"):
            yield from (NotNull(column=column) for column in columns)
        if kind == "check":
            named = constraint.get("name") or f"check_{'_'.join(columns)}"
            yield Expression(name=named, sql=str(sql))


def subject(project: Project, test: Node) -> str | None:
    """The id of the model that a test speaks about; dagster-dbt has the same rule.

    It is the model that a generic test is attached to, the only one that a singular test reads,
    or the one that the test names in `meta: {dagster: {ref: {name: ...}}}`.
    """
    named = test["config"]["meta"].get("dagster", {}).get("ref", {}).get("name")
    read: list[str] = test["depends_on"]["nodes"]
    if named is not None:
        return next((i for i in read if project.node(i)["name"] == named), None)
    attached = test.get("attached_node")
    return str(attached) if attached else read[0] if len(read) == 1 else None


def refuse_strays(project: Project, team: str) -> None:
    """Refuse a team's tests that speak about none of its models.

    Raises: InvalidDeclarationError.
    """
    for test in project.tests():
        about = subject(project, test)
        read = project.inputs(test)
        if about is not None and about.startswith("model."):
            continue
        if not read or read[0].team == team:
            refuse(
                test,
                "speaks about no model",
                "name one in `config(meta={'dagster': {'ref': {'name': ...}}})`",
            )


def _check(project: Project, model: Node, test: Node) -> Check:
    config = test["config"]
    severity = SEVERITIES.get(str(config["severity"]).lower())
    if severity is None:
        refuse(test, f"has the severity {config['severity']!r}", "use `error` or `warn`")
    for option, stock in STOCK.items():
        if config[option] != stock:
            refuse(test, f"sets `{option}`", "let the test return the rows that fail, all of them")
    return _plain(project, model, test, severity) or Query(
        name=test["name"],
        sql=project.renamed(test, str),
        datasets=tuple(n for n in project.inputs(test) if n != name_of(model)),
        severity=severity,
    )


def _plain(project: Project, model: Node, test: Node, severity: Severity) -> Check | None:
    """The check that says the same in a word of ours, if there is one."""
    generic = test.get("test_metadata") or {}
    words: dict[str, Any] = generic.get("kwargs", {})
    column = str(words.get("column_name"))
    if generic.get("namespace") or test["config"]["where"] or column not in model["columns"]:
        return None
    kind = generic["name"]
    if kind == "not_null":
        return NotNull(column=column, severity=severity)
    if kind == "unique":
        return UniqueKey(key=(column,), severity=severity)
    if kind == "accepted_values" and words.get("quote", True):
        return AcceptedValues(column=column, values=tuple(words["values"]), severity=severity)
    others = [n for n in project.inputs(test) if n != name_of(model)]
    if kind == "relationships" and len(others) == 1:
        return RefersTo(column=column, dataset=others[0], other=words["field"], severity=severity)
    return None
