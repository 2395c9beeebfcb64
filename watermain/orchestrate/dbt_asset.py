"""What dbt knows about a mart's model, in the words that Dagster's UI has for it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._utils.tags import is_valid_tag_key

from watermain.declare.body.mart import CompiledModel
from watermain.engine.mart.manifest import read_project
from watermain.engine.mart.node import Node

WIDTH = 56  # letters of a line that a table of metadata has room for


def with_dbt(model: CompiledModel, words: Mapping[str, Any]) -> dict[str, Any]:
    """Add what dbt says to the words of a mart's asset, but ours stand where both speak.

    Guarantees: the facts bear the names that dagster-dbt gives them, so that what looks for those
    finds them, and dagster-dbt itself is not needed.
    """
    project = read_project(model.manifest)
    node = project.node(model.id)
    return {
        **words,
        "kinds": {"dbt", *words["kinds"]},
        "tags": {**dict.fromkeys(filter(is_valid_tag_key, node["tags"]), ""), **words["tags"]},
        "metadata": {
            **_facts(node, project.manifest),
            **words["metadata"],
            "model_sql": dg.MetadataValue.md(f"```sql\n{_narrow(node['raw_code'])}\n```"),
        },
    }


def _narrow(sql: str) -> str:
    """SQL without lines so long that they would push other facts off the page."""
    lines: list[str] = []
    for line in sql.strip().splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        more = indent + " " * 4
        lines += textwrap.wrap(line, WIDTH, subsequent_indent=more, break_long_words=False) or [""]
    return "\n".join(lines)


def _facts(node: Node, manifest: Node) -> dict[str, str]:
    return {
        "dagster-dbt/materialization_type": node["config"]["materialized"],
        "dagster_dbt/unique_id": node["unique_id"],
        "dagster_dbt/project_id": manifest["metadata"]["project_id"],
    }
