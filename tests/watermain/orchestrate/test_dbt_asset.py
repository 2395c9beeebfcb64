"""What Dagster is told of a dbt project: tags, facts, exposures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg

from watermain.declare.body.mart import CompiledModel
from watermain.orchestrate.dbt_asset import exposure_assets, with_dbt

MODEL = "model.watermain.fct_departures"
WORDS: dict[str, Any] = {"kinds": set(), "tags": {}, "metadata": {}}


def changed(manifest: Path, folder: Path, **words: Any) -> Path:
    """The manifest with other words of one model, and with an exposure of it."""
    found = json.loads(manifest.read_text())
    found["nodes"][MODEL] |= words
    found["nodes"][MODEL]["config"]["schema"] = words.get("schema_word")
    found["exposures"] = {
        "exposure.watermain.board": {
            "unique_id": "exposure.watermain.board",
            "resource_type": "exposure",
            "name": "board",
            "type": "dashboard",
            "maturity": "high",
            "url": "https://example.com/board",
            "description": "Delays by month.",
            "owner": {"email": "ada@example.com"},
            "original_file_path": "models/exposures.yml",
            "config": {"enabled": True, "meta": {}},
            "depends_on": {"nodes": [MODEL]},
            "tags": ["weekly", "no tag!"],
        }
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(found))
    return path


def test_what_dbt_says_of_a_model_becomes_tags_and_facts(manifest: Path, tmp_path: Path) -> None:
    """Its schema is a tag; access, group, version and deprecation are facts; docs stay dbt's."""
    path = changed(
        manifest,
        tmp_path,
        schema_word="finance",
        tags=["nightly"],
        access="protected",
        group="pilots",
        version=2,
        latest_version=3,
        deprecation_date="2030-01-01T00:00:00+00:00",
    )
    found = with_dbt(CompiledModel(id=MODEL, manifest=path), WORDS)
    assert found["tags"] == {"nightly": "", "dbt/schema": "finance"}
    told = {k: v for k, v in found["metadata"].items() if k.startswith("dbt/")}
    assert told == {
        "dbt/access": "protected",
        "dbt/deprecation_date": "2030-01-01T00:00:00+00:00",
        "dbt/group": "pilots",
        "dbt/latest_version": "3",
        "dbt/version": "2",
    }


def test_an_exposure_is_an_asset_that_reads_ours(manifest: Path, tmp_path: Path) -> None:
    """With its owner, its address, what it reads; of another team there is none."""
    path = changed(manifest, tmp_path)
    (board,) = exposure_assets("operations", path)
    assert board.key == dg.AssetKey(["operations", "exposures", "board"])
    assert [d.asset_key for d in board.deps] == [
        dg.AssetKey(["operations", "marts", "fct_departures"])
    ]
    assert board.owners == ["ada@example.com"]
    assert board.kinds == {"dbt", "exposure"}
    assert "weekly" in board.tags
    assert board.metadata["dbt/url"] == dg.MetadataValue.url("https://example.com/board")
    assert board.metadata["dbt/maturity"] == "high"
    assert exposure_assets("weather", path) == []
