"""Python models: what must be written down, what they are given, what they cannot reach."""

from __future__ import annotations

from typing import Any, cast

import duckdb
import ibis
import pyarrow as pa
import pytest

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.state.python_model import python_shape

ABOVE: dict[str, dict[str, Any]] = {
    "model.p.one": {"resource_type": "model", "name": "one", "package_name": "p"},
    "model.p.two.v2": {"resource_type": "model", "name": "two", "package_name": "p"}
    | {"version": 2, "latest_version": 2, "alias": "two_v2"},
    "source.p.raw.events": {"resource_type": "source", "name": "events", "source_name": "raw"},
}
TYPED = {"n": {"name": "n", "data_type": "bigint"}}


class Project:
    """Of a compiled project what a Python model asks for."""

    def node(self, unique_id: str) -> dict[str, Any]:
        """The node of that id."""
        materialized = "ephemeral" if unique_id.endswith("part") else "table"
        given = {"resource_type": "model", "name": "part", "package_name": "p"}
        return {"config": {"materialized": materialized}, **(ABOVE.get(unique_id) or given)}

    def name(self, node: dict[str, Any]) -> DatasetName:
        """Its dataset."""
        return DatasetName("operations", "marts", node.get("alias", node["name"]))


def node(code: str, *reads: str, columns: Any = None, **config: Any) -> dict[str, Any]:
    """A Python model."""
    return {
        "resource_type": "model",
        "name": "made",
        "alias": "made",
        "raw_code": code,
        "original_file_path": "models/made.py",
        "columns": TYPED if columns is None else columns,
        "depends_on": {"nodes": [*reads]},
        "config": {"materialized": "table", "meta": {}, **config},
    }


def shape(code: str, *reads: str, **more: Any) -> Any:
    """How it makes its rows."""
    return python_shape(cast("CompiledProject", Project()), node(code, *reads, **more), {})


def run(code: str, *reads: str, **tables: pa.Table) -> Any:
    """What a model returns that is given tables."""
    backend = ibis.duckdb.connect()
    given = {name: backend.create_table(name, table) for name, table in tables.items()}
    return shape(code, *reads).body(**given)


THREE = pa.table({"n": [1, 2, 3]})
ONE = {"operations_marts_one": THREE}


def test_columns_are_asked_for_with_the_line_to_paste() -> None:
    """Only a run could tell them."""
    with pytest.raises(InvalidDeclarationError) as refused:
        shape("def model(dbt, session): ...", columns={})
    assert "is written in Python, so that only a run could tell its columns" in str(refused.value)
    assert "`columns: [{name: <column>, data_type: <type>}]`" in refused.value.next
    some = {"a": {"name": "a", "data_type": "date"}, "b": {"name": "b"}}
    with pytest.raises(InvalidDeclarationError) as refused:
        shape("def model(dbt, session): ...", columns=some)
    assert "`columns: [{name: b, data_type: <type>}]`" in refused.value.next


def test_a_part_of_other_models_cannot_be_read() -> None:
    """It is no table; dbt fails at it, too."""
    with pytest.raises(InvalidDeclarationError, match="reads the ephemeral model `part`"):
        shape("def model(dbt, session): ...", "model.p.part")


def test_a_relation_is_taken_as_arrow() -> None:
    """While the model's engine is still there."""
    code = "def model(dbt, session):\n    return dbt.ref('one').filter('n > 1')\n"
    assert run(code, "model.p.one", **ONE).to_pydict() == {"n": [2, 3]}


@pytest.mark.parametrize(
    "word", ["dbt.ref('two')", "dbt.ref('p', 'two', v=2)", "dbt.ref('two', version=2)"]
)
def test_versions_are_found_by_their_names(word: str) -> None:
    """The latest one without its number, too."""
    code = f"def model(dbt, session):\n    return {word}\n"
    found = run(code, "model.p.two.v2", operations_marts_two_v2=THREE)
    assert found.to_pydict() == {"n": [1, 2, 3]}


def test_sources_and_frames() -> None:
    """Pandas goes in and comes out."""
    code = (
        "def model(dbt, session):\n    frame = dbt.source('raw', 'events').df()\n"
        "    frame['n'] = frame['n'] * 2\n    return frame\n"
    )
    found = run(code, "source.p.raw.events", operations_marts_events=THREE)
    assert found["n"].tolist() == [2, 4, 6]


def test_a_model_may_declare_classes() -> None:
    """Even those that look their own module up."""
    code = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n\n"
        "@dataclass\nclass Pair:\n    n: int\n\n\n"
        "def model(dbt, session):\n    return session.sql(f'select {Pair(4).n} as n')\n"
    )
    assert run(code).to_pydict() == {"n": [4]}


def test_what_was_not_named_is_no_input() -> None:
    """dbt knows inputs by their literals alone, and so does lineage."""
    code = "def model(dbt, session):\n    return dbt.ref('one' + 'x')\n"
    with pytest.raises(KeyError, match="'onex' is no input that the model names as a literal"):
        run(code, "model.p.one", **ONE)


def test_own_rows_are_there_where_it_grows() -> None:
    """`dbt.this` names them in SQL."""
    code = (
        "def model(dbt, session):\n    assert dbt.is_incremental\n"
        "    return session.sql(f'select max(n) + 1 as n from {dbt.this}')\n"
    )
    assert run(code, this=THREE).to_pydict() == {"n": [4]}
    first = (
        "def model(dbt, session):\n    assert not dbt.is_incremental\n    return dbt.ref('one')\n"
    )
    assert run(first, "model.p.one", **ONE).num_rows == 3


def test_the_session_reaches_no_file_and_no_lake() -> None:
    """Its SQL reads what the model was given; it cannot let itself out."""
    for sql in ("select * from read_csv('/etc/passwd')", "attach '/tmp/x.duckdb' as x"):
        code = f"def model(dbt, session):\n    return session.sql({sql!r})\n"
        with pytest.raises(duckdb.PermissionException, match="disabled by configuration"):
            run(code)
    code = "def model(dbt, session):\n    session.execute('set enable_external_access = true')\n"
    with pytest.raises(duckdb.InvalidInputException, match="Cannot enable external access"):
        run(code)


def test_configuration_is_what_the_model_asks_for() -> None:
    """With its own default, where nobody says it; it is part of the version."""
    code = "def model(dbt, session):\n    return dbt.config.get('limit'), dbt.config.get('x', 7)\n"
    asked = {"limit": 5, "config_keys_used": ["limit"], "config_keys_defaults": [None]}
    assert shape(code, **asked).body() == (5, 7)
    assert shape(code, **asked).sql != shape(code, **{**asked, "limit": 6}).sql
