"""What the SQL of a model reaches beside the tables that dbt knows it to read."""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from watermain.dbt.dbt_fault import said
from watermain.engine.mart.node import Node, refuse

# Functions that make rows of their arguments alone; every other one reads what nobody declared.
MAKERS = {
    *("generate_series", "generate_subscripts", "json_each", "json_tree", "range", "repeat"),
    *("repeat_row", "unnest"),
}
READS = (exp.Query, exp.Pivot, exp.Summarize, exp.Values)
CAPTURE = "capture what it reads: watermain new source, and read that by `source()`"


def parsed(node: Node, code: str | None = None) -> exp.Expr:
    """The compiled SQL of a model or a test, which reads its inputs and nothing else.

    Raises: InvalidDeclarationError, for SQL that is none, that does more than ask, or that reads
    files, the network or another database: no lineage would follow from it.
    """
    text = code or node["compiled_code"]
    try:
        trees = [t for t in sqlglot.parse(text, dialect="duckdb") if t is not None]
    except SqlglotError as error:
        refuse(node, f"is no SQL: {said(error)}", "mend the SQL that it compiles to")
    if len(trees) != 1 or not isinstance(trees[0], READS):
        kinds = " and ".join(f"`{t.key}`" for t in trees) or "nothing"
        refuse(node, f"says {kinds}", "let it be one `select`: the platform writes what it returns")
    for name in _functions(trees[0]):
        if name not in MAKERS:
            refuse(node, f"reads by `{name}`", CAPTURE, line=_line(node, name))
    steps = {str(step.alias_or_name).lower() for step in trees[0].find_all(exp.CTE)}
    for table in trees[0].find_all(exp.Table):
        plain = isinstance(table.this, exp.Identifier) and not table.db
        if plain and table.name.lower() not in steps:
            told = f"reads `{table.name}` by hand"
            refuse(node, told, "use `source()` or `ref()` for it", line=_line(node, table.name))
    return trees[0]


def _functions(tree: exp.Expr) -> Iterator[str]:
    """The functions that stand where a table stands."""
    for place in tree.find_all(exp.Table, exp.Lateral):
        called = place.this
        if isinstance(called, exp.Anonymous):
            yield str(called.this).lower()
        elif isinstance(called, exp.Func):
            yield str(called.sql_name()).lower()


def _line(node: Node, word: str) -> int:
    """The line of the model's own text that says a word, else its first."""
    text = str(node.get("raw_code") or "")
    return next(
        (n for n, line in enumerate(text.splitlines(), 1) if word.lower() in line.lower()), 1
    )
