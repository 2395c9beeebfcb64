"""What dagster-dbt knows about a mart's model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject

from watermain.declare.body.mart import CompiledModel
from watermain.engine.mart.manifest import name_of, read_project

# Left out: what the platform says itself, what is an object rather than a fact.
_FACTS = ("dagster-dbt/", "dagster_dbt/unique_id", "dagster_dbt/project_id")


class MartTranslator(DagsterDbtTranslator):
    """Give dbt's sources, models the keys of the datasets that they are."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Translate one node of the manifest."""
        name = name_of(self.get_resource_props(manifest, unique_id))
        spec = super().get_asset_spec(manifest, unique_id, project)
        return spec.replace_attributes(key=dg.AssetKey(name.key), group_name=name.team)


def with_dbt(model: CompiledModel, words: Mapping[str, Any]) -> dict[str, Any]:
    """Add what dagster-dbt says to the words of a mart's asset; ours stand where both speak."""
    manifest = read_project(model.manifest).manifest
    spec = MartTranslator().get_asset_spec(manifest, model.id, None)
    facts = {k: v for k, v in spec.metadata.items() if k.startswith(_FACTS)}
    _, heading, sql = (spec.description or "").partition("#### Raw SQL:")
    return {
        **words,
        "description": f"{words['description']}\n\n{heading}{sql}".strip(),
        "kinds": {"dbt", *words["kinds"]},
        "tags": {**_plain(spec.tags), **words["tags"]},
        "metadata": {**facts, **words["metadata"]},
    }


def _plain(tags: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in tags.items() if not k.startswith("dagster/kind/")}
