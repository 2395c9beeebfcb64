"""What dbt knows about a mart's model, in the words that Dagster's UI has for it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.utils import is_valid_email
from dagster._utils.tags import is_valid_strict_tag_value, is_valid_tag_key

from watermain.declare.body.mart import CompiledModel
from watermain.engine.mart.beside.exposure import STAGE, Exposure, exposures
from watermain.engine.mart.manifest import read_project
from watermain.engine.mart.node import Node

SCHEMA = "dbt/schema"
TOLD = ("access", "deprecation_date", "group", "latest_version", "version")
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
        "tags": {**_tags(node), **words["tags"]},
        "metadata": {
            **_facts(node, project.manifest),
            **words["metadata"],
            "model_sql": dg.MetadataValue.md(
                f"```{node.get('language') or 'sql'}\n{_narrow(node['raw_code'])}\n```"
            ),
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


def _tags(node: Node) -> dict[str, str]:
    """The tags of a node, each a word without a value, and the schema that it asks for."""
    schema = node["config"].get("schema")
    placed = {SCHEMA: str(schema)} if schema and is_valid_strict_tag_value(str(schema)) else {}
    return {**dict.fromkeys(filter(is_valid_tag_key, node["tags"]), ""), **placed}


def _facts(node: Node, manifest: Node) -> dict[str, str]:
    told = {f"dbt/{word}": node.get(word) or node["config"].get(word) for word in TOLD}
    return {
        "dagster-dbt/materialization_type": node["config"]["materialized"],
        "dagster_dbt/unique_id": node["unique_id"],
        "dagster_dbt/project_id": manifest["metadata"]["project_id"],
        **{word: str(value) for word, value in told.items() if value},
    }


def exposure_assets(team: str, manifest: Path) -> list[dg.AssetSpec]:
    """The exposures of a team, as assets that others make of ours."""
    return [_exposure_asset(exposure) for exposure in exposures(team, manifest)]


def _exposure_asset(exposure: Exposure) -> dg.AssetSpec:
    owner = exposure.owner if is_valid_email(exposure.owner) else f"team:{exposure.team}"
    url = exposure.facts.get("url")
    facts = {f"dbt/{word}": value for word, value in exposure.facts.items() if word != "url"}
    return dg.AssetSpec(
        key=dg.AssetKey(exposure.key),
        deps=[dg.AssetKey(name.key) for name in exposure.reads],
        description=exposure.description or None,
        owners=[owner],
        group_name=STAGE,
        kinds={"dbt", "exposure"},
        tags=dict.fromkeys(filter(is_valid_tag_key, exposure.tags), ""),
        metadata={
            **facts,
            **({"dbt/url": dg.MetadataValue.url(url)} if url else {}),
            "declared": exposure.declared,
        },
    )
