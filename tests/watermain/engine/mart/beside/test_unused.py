"""What a dbt project says that has no effect here is told by name."""

from __future__ import annotations

from typing import Any

import pytest

from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.mart.beside.unused import HOOKS, KNOWN, refuse_hooks, unused
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.naming import Naming

SOURCE = {
    "unique_id": "source.w.shop_curated.orders",
    "resource_type": "source",
    "source_name": "shop_curated",
    "name": "orders",
    "schema": "shop_curated",
    "identifier": "orders",
    "original_file_path": "models/sources.yml",
    "config": {"meta": {}},
}


def node(kind: str, name: str, **words: Any) -> dict[str, Any]:
    """A node of a manifest."""
    return {
        "unique_id": f"{kind}.w.{name}",
        "resource_type": kind,
        "name": name,
        "alias": name,
        "schema": "main",
        "package_name": "w",
        "original_file_path": f"models/{name}.sql",
        "config": {"materialized": "table", "meta": {}},
        "depends_on": {"nodes": []},
        **words,
    }


def told(*nodes: dict[str, Any], source: dict[str, Any] = SOURCE) -> str:
    """What is told of a project of these nodes."""
    made = {
        "metadata": {"project_name": "w"},
        "nodes": {n["unique_id"]: n for n in nodes},
        "sources": {source["unique_id"]: source},
    }
    return "\n".join(unused(CompiledProject(made, Naming(teams=("shop",), said={}))))


def attempt(kind: str, **words: Any) -> dict[str, Any]:
    """A generic test of a source's column."""
    said = {"name": kind, "kwargs": {"column_name": "state", **words}, "namespace": None}
    return node(
        "test",
        f"source_{kind}",
        test_metadata=said,
        attached_node=None,
        depends_on={"nodes": [SOURCE["unique_id"]]},
    )


@pytest.mark.parametrize(
    ("test", "line"),
    [
        (attempt("not_null"), 'write `not_null("state")` among the checks'),
        (attempt("unique"), 'write `unique("state")` among the checks'),
        (
            attempt("accepted_values", values=["a"]),
            "write `accepted_values(\"state\", ['a'])` among the checks",
        ),
        (attempt("relationships"), "declare a check of the curated dataset in its room"),
    ],
)
def test_a_test_of_a_source_is_told_with_the_check_to_write(
    test: dict[str, Any], line: str
) -> None:
    """The dataset that the source is, then the line."""
    found = told(test)
    assert "is about the source `shop_curated.orders`, which is `shop.curated.orders`" in found
    assert line in found


def test_a_test_of_no_table_is_told() -> None:
    """Nobody takes it for one that passes."""
    assert "dbt test `lonely` speaks about no mart" in told(node("test", "lonely"))


def test_freshness_is_told_as_not_mapped() -> None:
    """Of a source that says it; one that says nothing of it is left alone."""
    said = {"warn_after": {"count": 12, "period": "hour"}, "error_after": {"count": None}}
    fresh = {**SOURCE, "config": {"meta": {}, "freshness": said}}
    found = told(source=fresh)
    assert "`shop_curated.orders` says `freshness: warn_after: 12 hour`, which is not" in found
    assert "Slo(ready_within=timedelta(...))" in found
    assert told() == ""


def test_hooks_of_a_run_are_told_with_the_reason() -> None:
    """Those of a package, too."""
    hook = node(
        "operation", "w-start", tags=["on-run-start"], raw_code="grant  x", package_name="p"
    )
    found = told(hook)
    assert "dbt_packages/p/dbt_project.yml `on-run-start` says `grant x`" in found
    assert "at no beginning or end that all share" in found


def test_an_option_of_another_adapter_is_told() -> None:
    """What dbt itself knows is not: it is honoured, mapped or refused."""
    config = {"materialized": "table", "meta": {}, "cluster_by": ["a"], "persist_docs": {"x": True}}
    found = told(node("model", "orders", config=config))
    assert "dbt model `orders` sets `cluster_by`, which has no meaning here" in found
    assert "persist_docs" not in found


@pytest.mark.parametrize("word", sorted(HOOKS))
def test_what_runs_beside_the_query_is_refused_with_the_reason(word: str) -> None:
    """Four lines, at the model."""
    assert word in KNOWN
    made = node("model", "orders", config={word: ["select 1"], "meta": {}})
    with pytest.raises(
        InvalidDeclarationError, match=f"sets `{word}`, which the platform"
    ) as error:
        refuse_hooks(made)
    assert error.value.next
    refuse_hooks(node("model", "orders", config={word: [], "meta": {}}))
