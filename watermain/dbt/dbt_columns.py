"""What templates ask that follows from the project's files alone, answered without a database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import duckdb
import sqlglot
from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.duckdb.column import DuckDBColumn
from dbt_common.clients.agate_helper import table_from_data_flat
from dbt_common.exceptions import CompilationError
from sqlglot import exp
from sqlglot.errors import SqlglotError

# Functions of dates and numbers whose value follows from what they are given.
RECKONED = {
    *("abs", "case", "cast", "ceil", "coalesce", "concat", "date_add", "datediff"),
    *("date_trunc", "extract", "floor", "greatest", "if", "least", "lower", "power", "round"),
    *("try_cast", "upper", "and", "or", "timestamp_trunc"),
}


class UnknownColumnsError(CompilationError):  # type: ignore[misc]  # dbt ships no types
    """Refuse a question about columns that no file of the project tells."""

    def __init__(self, what: str, next: str) -> None:
        self.next = next
        super().__init__(what)


class Columns:
    """The columns of the sources, seeds and compiled models of a project.

    Shapes: `seeds` are the facts of seeds, by the ids of their nodes.
    Guarantees: types are those that the engine gives to the compiled SQL; no row is read.
    """

    def __init__(self, manifest: Any, seeds: Mapping[str, Any]) -> None:
        self._nodes: dict[str, Any] = {**manifest.sources, **manifest.nodes}
        self._seeds = seeds
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._made: set[str] = set()

    def of(self, relation: Any) -> list[DuckDBColumn]:
        """The columns of a relation, in their order.

        Raises: UnknownColumnsError.
        """
        wanted = (str(relation.schema).lower(), str(relation.identifier).lower())
        found = next((k for k, n in self._nodes.items() if _place(n) == wanted), None)
        if found is None:
            raise UnknownColumnsError(
                f"asks for the columns of `{relation}`, which the project does not have",
                "use `ref()` or `source()` for it",
            )
        self._make(found, ())
        told = self._run(f"describe {_name(self._nodes[found])}")
        return [DuckDBColumn(str(name), str(kind)) for name, kind, *_ in told]

    def reckoned(self, sql: str) -> tuple[AdapterResponse, Any] | None:
        """What a query comes to that reads no table and is the same each time; None for others."""
        try:
            tree = sqlglot.parse_one(sql, dialect="duckdb")
        except SqlglotError:
            return None
        if not isinstance(tree, exp.Select) or any(map(_is_open, tree.walk())):
            return None
        rows = self._run(sql)
        assert self._engine is not None
        names = [str(column[0]) for column in self._engine.description or []]
        data = [dict(zip(names, row, strict=True)) for row in rows]
        return AdapterResponse(_message="OK"), table_from_data_flat(data, names)

    def _make(self, key: str, way: tuple[str, ...]) -> None:
        """Let the engine have a table without rows, and all that it is made of."""
        if key in self._made:
            return
        node = self._nodes[key]
        if key in way:
            raise UnknownColumnsError(
                f"asks for the columns of `{node.name}`, which is made of itself",
                "write the columns out",
            )
        sql = self._written(key, node) or self._compiled(key, node, (*way, key))
        self._run(f"attach if not exists ':memory:' as \"{node.database}\"")
        self._run(f'create schema if not exists "{node.database}"."{node.schema}"')
        try:
            self._run(f"create or replace table {_name(node)} as {sql}")
        except duckdb.Error as error:
            raise UnknownColumnsError(
                f"asks for the columns of `{node.name}`, which the engine refuses: {error}",
                "mend the SQL of that model",
            ) from error
        self._made.add(key)

    def _written(self, key: str, node: Any) -> str:
        """A table of the columns that are written down; "" for a model, whose SQL tells them."""
        kind = str(node.resource_type)
        if kind == "seed" and key in self._seeds:
            return _empty((name, word) for name, word in self._seeds[key]["columns"])
        if kind == "source":
            columns = list(node.columns.values())
            untyped = [c.name for c in columns if not c.data_type]
            if untyped or not columns:
                which = f" (`{untyped[0]}` has no `data_type`)" if untyped else ""
                raise UnknownColumnsError(
                    f"asks for the columns of the source `{node.source_name}.{node.name}`, which"
                    f" are not written down{which}",
                    "watermain new dbt-sources, or write each column with its `data_type`",
                )
            return _empty((c.name, c.data_type) for c in columns)
        return ""

    def _compiled(self, key: str, node: Any, way: tuple[str, ...]) -> str:
        """The SQL of a model over what it reads."""
        code = getattr(node, "compiled_code", None)
        if str(node.resource_type) != "model" or str(node.language) != "sql" or not code:
            raise UnknownColumnsError(
                f"asks for the columns of `{node.name}`, which are not known before it is built",
                "write the columns out",
            )
        for above in self._read(node):
            self._make(above, way)
        return f"select * from ({code}\n) as model limit 0"

    def _read(self, node: Any) -> Iterator[str]:
        """What a model reads, through ephemeral models."""
        for key in node.depends_on.nodes:
            above = self._nodes[key]
            if getattr(above, "is_ephemeral_model", False):
                yield from self._read(above)
            else:
                yield key

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        if self._engine is None:
            self._engine = duckdb.connect(config={"threads": 1, "enable_external_access": False})
            self._engine.execute("set timezone = 'UTC'")
        return self._engine.execute(sql).fetchall()


def _is_open(part: exp.Expr) -> bool:
    """Whether a part of a query reads a table, the clock or chance."""
    if isinstance(part, (exp.Table, exp.CurrentDate, exp.CurrentTimestamp, exp.Rand)):
        return True
    return isinstance(part, exp.Func) and part.sql_name().lower() not in RECKONED


def _place(node: Any) -> tuple[str, str]:
    name = getattr(node, "identifier", None) or getattr(node, "alias", None) or node.name
    return str(node.schema).lower(), str(name).lower()


def _name(node: Any) -> str:
    name = getattr(node, "identifier", None) or node.alias
    return f'"{node.database}"."{node.schema}"."{name}"'


def _empty(columns: Iterable[tuple[str, str]]) -> str:
    """A query without a row that has these columns."""
    shown = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in columns)
    return f"select {shown} where false"


def in_order(nodes: Mapping[str, Any]) -> list[Any]:
    """The nodes of a project, each after what it reads; a circle ends somewhere."""
    found: dict[str, Any] = {}
    waiting = [(key, False) for key in reversed(list(nodes))]
    seen: set[str] = set()
    while waiting:
        key, is_read = waiting.pop()
        if is_read:
            found[key] = nodes[key]
        elif key in nodes and key not in seen:
            seen.add(key)
            waiting.append((key, True))
            read = getattr(nodes[key], "depends_on", None)
            waiting += [(above, False) for above in getattr(read, "nodes", ())]
    return list(found.values())
