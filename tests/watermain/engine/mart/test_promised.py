"""What nodes of a dbt project promise: keys that tests tell, contracts that are enforced."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.naming import Naming
from watermain.engine.mart.promised import promised

SCHEMA = [("a", pa.string()), ("b", pa.int64())]
STOCK = {"where": None, "severity": "ERROR", "error_if": "!= 0", "meta": {}}


def model(**words: Any) -> dict[str, Any]:
    """A model of two columns."""
    return {
        "unique_id": "model.w.m",
        "resource_type": "model",
        "name": "m",
        "alias": "m",
        "schema": "main",
        "description": "",
        "original_file_path": "models/m.sql",
        "columns": {},
        "config": {"materialized": "table", "meta": {}},
        "depends_on": {"nodes": []},
        **words,
    }


def attempt(word: str, package: str | None = None, config: Any = None, **kwargs: Any) -> Any:
    """A generic test of that model."""
    return {
        "unique_id": f"test.w.{word}_{kwargs}",
        "resource_type": "test",
        "name": word,
        "config": {**STOCK, **(config or {})},
        "depends_on": {"nodes": ["model.w.m"]},
        "attached_node": "model.w.m",
        "test_metadata": {"name": word, "namespace": package, "kwargs": kwargs},
    }


def project(*nodes: Any) -> CompiledProject:
    """A project of these nodes."""
    told = {"nodes": {n["unique_id"]: n for n in nodes}, "sources": {}}
    return CompiledProject(told, Naming(teams=("shop",), said={}))


A, B = attempt("not_null", column_name="a"), attempt("not_null", column_name="b")
PAIR = attempt(
    "unique_combination_of_columns", package="dbt_utils", combination_of_columns=["a", "b"]
)


@pytest.mark.parametrize(
    ("tests", "key"),
    [
        ([A, attempt("unique", column_name="a")], ("a",)),
        ([attempt("unique", column_name="a")], ()),
        ([B, attempt("unique", column_name="a")], ()),
        ([A, B, PAIR], ("a", "b")),
        ([A, PAIR], ()),
        ([A, B, attempt("unique", package="dbt_expectations", column_name="a")], ()),
        ([A, attempt("unique", config={"severity": "warn"}, column_name="a")], ()),
        ([A, attempt("unique", config={"where": "b > 1"}, column_name="a")], ()),
        ([A, attempt("unique", config={"error_if": "> 3"}, column_name="a")], ()),
        ([A, B, attempt("unique", column_name="b"), PAIR], ("b",)),
    ],
)
def test_a_key_is_what_tests_prove_of_every_row(tests: list[Any], key: tuple[str, ...]) -> None:
    """Unique and never null, of one column or of several; else uniqueness is not checked."""
    node = model()
    contract = promised(project(node, *tests), node, {}, SCHEMA)
    assert (contract.key, contract.keyless) == (key, not key)


def enforced(**types: str) -> dict[str, Any]:
    """A model with an enforced contract."""
    columns = {n: {"name": n, "data_type": kind} for n, kind in types.items()}
    config = {"materialized": "table", "meta": {}, "contract": {"enforced": True}}
    return model(columns=columns, config=config)


@pytest.mark.parametrize(
    ("types", "says"),
    [
        ({"a": "varchar"}, "a column `b` that the contract does not name"),
        ({"a": "varchar", "b": "bigint", "c": "date"}, "a column `c` that its SQL does not make"),
        ({"a": "varchar", "b": "integer"}, "by which `b` is int32, but it is int64"),
        ({"a": "varchar", "b": ""}, "gives column `b` the data_type ''"),
    ],
)
def test_an_enforced_contract_refuses_other_columns(types: dict[str, str], says: str) -> None:
    """As dbt does: names and types are those of the SQL."""
    node = enforced(**types)
    with pytest.raises(InvalidDeclarationError, match=says):
        promised(project(node), node, {}, SCHEMA)


def test_an_enforced_contract_that_fits_is_kept() -> None:
    """In whatever order it names the columns."""
    node = enforced(b="bigint", a="varchar")
    contract = promised(project(node), node, {}, SCHEMA)
    assert [(c.name, c.type) for c in contract.columns] == SCHEMA
