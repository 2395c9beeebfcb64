"""A question in SQL, as the engine itself reads it."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from watermain.declare.errors import InvalidDeclarationError, TerminalError
from watermain.declare.name import DatasetName

HARMLESS = frozenset(
    {"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest"}
)
BARE: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "lock_configuration": True,
    "threads": 1,
}
_PLAIN = re.compile(r"[a-z][a-z0-9_]{0,39}")
TELLING = frozenset({"DESCRIBE", "SUMMARY"})  # of a table; other kinds of `show` tell of the engine


class RefusedQueryError(TerminalError):
    """Refuse a query that is not one reading statement over declared datasets.

    Shapes: `reaches` says in our own words what it reached for that people may not; empty where it
    is merely wrong.
    """

    reaches: str = ""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One reading statement, and the names of tables that stand in it.

    Shapes: `others` are names that are neither datasets' nor given by the statement itself; `shape`
    is a print of the statement without its values.
    """

    sql: str
    datasets: frozenset[DatasetName]
    others: frozenset[str]
    shape: str


def parse(sql: str) -> Statement:
    """Read a statement by the engine's own parser; nothing is looked up, and nothing runs.

    This only words a refusal early. What keeps a question from everything else is the engine that
    answers it: see watermain/lake/shown/wall.py.
    Raises: RefusedQueryError, unless it is exactly one `select` or `with`.
    """
    tree = _parsed(sql)
    datasets: set[DatasetName] = set()
    others: set[str] = set()
    own: set[str] = set()
    for node in _nodes(tree):
        node.pop("query_location", None)
        if node.get("class") == "CONSTANT":
            node["value"] = None
        kind = node.get("type")
        own.update(str(each["key"]).lower() for each in _tables_of_its_own(node))
        if kind == "TABLE_FUNCTION":
            _check_function(node)
        elif kind == "SHOW_REF" and (node["show_type"] not in TELLING or node["table_name"]):
            raise refused("`show` tells of the engine, not of a dataset", reaches="the engine")
        elif kind == "BASE_TABLE":
            words = [node[k] for k in ("catalog_name", "schema_name", "table_name") if node[k]]
            name = _named(words)
            datasets.update([name] if name else [])
            others.update([] if name else [".".join(words)])
    return Statement(
        sql=sql,
        datasets=frozenset(datasets),
        others=frozenset(n for n in others if n.lower() not in own),
        shape=hashlib.sha256(json.dumps(tree, default=str).encode()).hexdigest()[:16],
    )


def refused(reason: str, *, next: str = "", reaches: str = "") -> RefusedQueryError:
    """The four lines of a query that was not run."""
    error = RefusedQueryError(
        f"the query was not run: {reason}",
        declared="watermain/read.py  one reading statement over declared datasets",
        data="unchanged",
        next=next or 'watermain sql "select * from operations.curated.flights limit 5"',
    )
    error.reaches = reaches
    return error


def _parsed(sql: str) -> dict[str, Any]:
    if "\0" in sql:
        raise refused("it holds a NUL character")
    with _bare(os.getpid()).cursor() as engine:
        try:
            kinds = [s.type.name.lower() for s in engine.extract_statements(sql)]
            row = engine.execute("select json_serialize_sql(?::varchar)", [sql]).fetchone()
        except duckdb.Error as error:
            raise refused(str(error).split("\n")[0][:300]) from error
    told = json.loads(row[0]) if row else {}
    if kinds != ["select"] or told.get("error") or len(told.get("statements", ())) != 1:
        what = ", ".join(kinds) or "nothing"
        if kinds == ["select"]:
            what = str(told.get("error_message", "a select that makes something first"))
        changes = [kind for kind in kinds if kind not in ("select", "explain")]
        raise refused(
            f"one `select` or `with` is allowed, this is: {what}",
            reaches=f"a statement that does more than read: {', '.join(changes)}"
            if changes
            else "",
        )
    statement: dict[str, Any] = told["statements"][0]
    return statement


@functools.cache
def _bare(process: int) -> duckdb.DuckDBPyConnection:
    """An engine of this process, which one that came by fork is not."""
    return duckdb.connect(":memory:", config=dict(BARE))


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Every part of a statement."""
    left = [tree]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield part
            left.extend(part.values())
        elif isinstance(part, list):
            left.extend(part)


def _tables_of_its_own(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The names that a `with` gives; whether one is seen where it is used, the engine knows."""
    named = node.get("cte_map")
    found: list[dict[str, Any]] = named.get("map", []) if isinstance(named, dict) else []
    return found


def _check_function(node: dict[str, Any]) -> None:
    name = str((node.get("function") or {}).get("function_name", "")).lower()
    if name not in HARMLESS:
        raise refused(
            f"the table function `{name}` reads something that is no dataset",
            reaches=f"a table function: {name if _PLAIN.fullmatch(name) else 'by an odd name'}",
        )


def _named(words: list[str]) -> DatasetName | None:
    try:
        return DatasetName.parse(".".join(words).lower()) if len(words) == 3 else None
    except InvalidDeclarationError:
        return None
