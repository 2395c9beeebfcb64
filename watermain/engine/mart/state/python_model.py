"""A Python model of a dbt project as the body of a dataset."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import duckdb
import ibis

from watermain.declare.body.mart import THIS, Growth
from watermain.engine.mart.manifest import CompiledProject, alias
from watermain.engine.mart.node import Node, is_ephemeral, refuse
from watermain.engine.mart.state.incremental import growth, is_incremental
from watermain.engine.mart.state.shape import NodeShape
from watermain.settings import project as company


def python_shape(project: CompiledProject, node: Node, words: Mapping[str, Any]) -> NodeShape:
    """How a Python model makes its rows.

    Raises: InvalidDeclarationError, where its columns are not written down, for nobody can tell
    them without a run, or for an input that is no table.
    """
    _refuse_untyped(node)
    code, read = str(node["raw_code"]), _read(project, node)
    given = _config(node)
    columns = [str(column["name"]) for column in node["columns"].values()]
    grows: Growth | None = growth(node, "", columns) if is_incremental(node) else None
    place = company().dbt_folder / node["original_file_path"]
    return NodeShape(
        sql=f"python\n{json.dumps(given, sort_keys=True, default=str)}\n{code}",
        words=words,
        grows=grows,
        body=_body(code, str(place), read, given, str(node["alias"])),
    )


def _refuse_untyped(node: Node) -> None:
    columns = node["columns"].values()
    untyped = [str(c["name"]) for c in columns if not c.get("data_type")]
    if columns and not untyped:
        return
    what = "some of its columns" if columns else "its columns"
    lines = "".join(
        f" {{name: {name}, data_type: <type>}}," for name in untyped or ["<column>"]
    ).rstrip(",")
    refuse(
        node,
        f"is written in Python, so that only a run could tell {what}",
        f"write them beside the model: `columns: [{lines.strip()}]`",
    )


def _read(project: CompiledProject, node: Node) -> dict[str, str]:
    """The inputs, by the words with which `dbt.ref()` and `dbt.source()` ask for them."""
    found = {}
    for unique_id in node["depends_on"].get("nodes", []):
        above = project.node(unique_id)
        if is_ephemeral(above):
            refuse(
                node,
                f"reads the ephemeral model `{above['name']}`, which is no table",
                "say `materialized: table` or `view` there",
            )
        word = alias(project.name(above))
        if above["resource_type"] == "source":
            found[f"source:{above['source_name']}.{above['name']}"] = word
            continue
        name, version = str(above["name"]), above.get("version")
        for told in (name, f"{above['package_name']}.{name}"):
            if version is not None:
                found[f"ref:{told}.v{version}"] = word
            if version is None or version == above.get("latest_version"):
                found[f"ref:{told}"] = word
    return found


def _config(node: Node) -> dict[str, Any]:
    """What the model may ask `dbt.config` for."""
    config = node["config"]
    asked = zip(
        config.get("config_keys_used") or (), config.get("config_keys_defaults") or (), strict=False
    )
    meta = config.get("meta") or {}
    named = {str(word): config.get(word, default) for word, default in asked}
    held = {str(word): meta.get(word) for word in config.get("meta_keys_used") or ()}
    return {"config": named, "meta": held}


class ModelConfig:
    """What a Python model asks `dbt.config` for."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def __call__(self, **words: Any) -> None:
        """Say words, which dbt has read from the file already."""

    def get(self, key: str, default: Any = None) -> Any:
        """A word of the model's configuration."""
        found = self._given["config"].get(key)
        return default if found is None else found

    def meta_get(self, key: str, default: Any = None) -> Any:
        """A word of the model's `meta`."""
        found = self._given["meta"].get(key)
        return default if found is None else found


class OwnRows:
    """The name by which a Python model reads its own last rows in SQL."""

    def __init__(self, identifier: str) -> None:
        self.identifier = identifier
        self.database = self.schema = ""

    def __repr__(self) -> str:
        return '"' + self.identifier.replace('"', '""') + '"'


class ModelSession:
    """What a Python model is given as `dbt`: its inputs, its words and its own last rows.

    Guarantees: a table is copied into the model's own engine when it is first asked for.
    """

    def __init__(
        self,
        session: duckdb.DuckDBPyConnection,
        tables: Mapping[str, ibis.Table],
        read: Mapping[str, str],
        given: Mapping[str, Any],
        identifier: str,
    ) -> None:
        self._session, self._tables, self._read = session, tables, read
        self.config = ModelConfig(given)
        self.this = OwnRows(identifier)
        self.is_incremental = THIS in tables
        if self.is_incremental:
            session.register(identifier, _arrow(tables[THIS]))

    def ref(self, *words: str, v: Any = None, version: Any = None) -> duckdb.DuckDBPyRelation:
        """The rows of another model, of a seed or of a snapshot."""
        said = v if v is not None else version
        return self._table("ref", ".".join(words) + ("" if said is None else f".v{said}"))

    def source(self, *words: str) -> duckdb.DuckDBPyRelation:
        """The rows of a source."""
        return self._table("source", ".".join(words))

    def _table(self, kind: str, word: str) -> duckdb.DuckDBPyRelation:
        key = f"{kind}:{word}"
        if key not in self._read:
            raise KeyError(f"dbt.{kind}: {word!r} is no input that the model names as a literal")
        name = f"input_{self._read[key]}"
        if not self._session.execute(
            "select 1 from duckdb_views() where view_name = ?", [name]
        ).fetchone():
            self._session.register(name, _arrow(self._tables[self._read[key]]))
        return self._session.table(name)


def _arrow(table: ibis.Table) -> Any:
    """The rows as the publish's engine has them, whose own connection no model is given."""
    backend = table.get_backend()
    return backend.con.execute(str(backend.compile(table))).to_arrow_table()


def _body(
    code: str, place: str, read: Mapping[str, str], given: Mapping[str, Any], identifier: str
) -> Callable[..., Any]:
    """The model as a body: it runs in an engine of its own, which reaches no file and no lake."""

    def body(**tables: ibis.Table) -> Any:
        model = _loaded(code, place, identifier)
        settings: dict[str, Any] = {"enable_external_access": False}
        with duckdb.connect(config=settings) as session:
            session.execute("set timezone = 'UTC'")
            made = model(ModelSession(session, tables, read, given, identifier), session)
            if isinstance(made, duckdb.DuckDBPyRelation):
                return made.to_arrow_table()
            return made

    return body


def _loaded(code: str, place: str, identifier: str) -> Callable[..., Any]:
    """The function `model` of a file, as a module of its own has it."""
    module = ModuleType(f"dbt_model_{identifier}")
    module.__file__ = place
    sys.modules[module.__name__] = module  # where data classes look up their own annotations
    try:
        exec(compile(code, place, "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    found: Callable[..., Any] = module.__dict__["model"]
    return found
