"""Which table holds a test: by hand, over small graphs."""

from __future__ import annotations

from typing import Any

import pytest

from watermain.engine.mart.held import held
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.naming import Naming

Given = dict[str, tuple[str, ...]]


def node(name: str, kind: str = "table", *read: str) -> dict[str, Any]:
    """A model of a compiled project."""
    return {
        "unique_id": f"model.w.{name}",
        "resource_type": "model",
        "name": name,
        "alias": name,
        "schema": "main",
        "original_file_path": f"models/{name}.sql",
        "config": {"materialized": kind, "meta": {}},
        "depends_on": {"nodes": [_id(one) for one in read]},
    }


def attempt(name: str, *read: str, attached: str = "", ref: str = "") -> dict[str, Any]:
    """A test of a compiled project."""
    meta = {"dagster": {"ref": {"name": ref}}} if ref else {}
    return {
        "unique_id": f"test.w.{name}",
        "resource_type": "test",
        "name": name,
        "config": {"meta": meta},
        "depends_on": {"nodes": [_id(one) for one in read]},
        "attached_node": f"model.w.{attached}" if attached else None,
    }


def _id(name: str) -> str:
    return name if "." in name else f"model.w.{name}"


def placed(models: list[dict[str, Any]], *tests: dict[str, Any]) -> dict[str, set[str]]:
    """Where tests are held, by their names."""
    nodes = {n["unique_id"]: n for n in (*models, *tests)}
    source = {
        "unique_id": "source.w.s.t",
        "resource_type": "source",
        "name": "t",
        "source_name": "s",
        "schema": "shop_curated",
        "identifier": "t",
        "original_file_path": "models/sources.yml",
        "config": {"meta": {}},
    }
    made = CompiledProject(
        {"nodes": nodes, "sources": {"source.w.s.t": source}}, Naming(teams=("shop",), said={})
    )
    return {
        test["name"]: {key.removeprefix("model.w.") for key in held(made).holders(test)}
        for test in tests
    }


CHAIN = [node("first"), node("second", "table", "first"), node("third", "view", "second")]
PARTS = [
    node("inner", "ephemeral", "source.w.s.t"),
    node("outer", "ephemeral", "inner"),
    node("one", "table", "outer"),
    node("two", "table", "inner"),
]


@pytest.mark.parametrize(
    ("models", "test", "holders"),
    [
        (CHAIN, attempt("t", "first", attached="first"), {"first"}),
        (CHAIN, attempt("t", "first"), {"first"}),
        (CHAIN, attempt("t", "second", "first", "third"), {"third"}),
        (CHAIN, attempt("t", "first", "second", ref="first"), {"second"}),
        (CHAIN, attempt("t", "second", "first", ref="second"), {"second"}),
        (CHAIN, attempt("t", "first", "third", attached="first"), {"third"}),
        (CHAIN, attempt("t", "third", "first", attached="third"), {"third"}),
        ([node("a"), node("b")], attempt("t", "a", "b", attached="a"), {"a"}),
        ([node("a"), node("b")], attempt("t", "a", "b"), {"b"}),
        (PARTS, attempt("t", "inner", attached="inner"), {"one", "two"}),
        (PARTS, attempt("t", "outer", attached="outer"), {"one"}),
        (PARTS, attempt("t", "one", "two"), {"two"}),
        (PARTS, attempt("t", "source.w.s.t"), set()),
        (PARTS, attempt("t", "source.w.s.t", "one"), {"one"}),
        (PARTS, attempt("t"), set()),
    ],
)
def test_a_test_is_held_by_the_table_that_it_speaks_about_or_by_the_last_that_it_reads(
    models: list[dict[str, Any]], test: dict[str, Any], holders: set[str]
) -> None:
    """Parts are held by what they are part of; of a source a room holds the checks."""
    assert placed(models, test) == {"t": holders}


def test_tests_that_refer_to_each_others_tables_let_none_wait_for_itself() -> None:
    """The second reference would close a circle, so both are held by one of the tables."""
    both = placed(
        [node("a"), node("b")],
        attempt("of_a", "a", "b", attached="a"),
        attempt("of_b", "b", "a", attached="b"),
        attempt("of_both", "b", "a"),
    )
    assert both == {"of_a": {"a"}, "of_b": {"a"}, "of_both": {"a"}}


def test_a_circle_of_models_ends() -> None:
    """It is told where it is declared; nothing here runs for ever."""
    circle = [node("a", "table", "b"), node("b", "table", "a")]
    assert placed(circle, attempt("t", "a", attached="a")) == {"t": {"a"}}
