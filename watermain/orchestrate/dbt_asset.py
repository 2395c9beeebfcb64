"""What dbt knows about a mart's model, in the words that Dagster's UI has for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._utils.tags import is_valid_tag_key

from watermain.declare.body.mart import CompiledModel
from watermain.engine.mart.manifest import Node, read_project


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
            "model_sql": dg.MetadataValue.text(node["raw_code"].strip()),
        },
    }


def _facts(node: Node, manifest: Node) -> dict[str, str]:
    return {
        "dagster-dbt/materialization_type": node["config"]["materialized"],
        "dagster_dbt/unique_id": node["unique_id"],
        "dagster_dbt/project_id": manifest["metadata"]["project_id"],
    }
