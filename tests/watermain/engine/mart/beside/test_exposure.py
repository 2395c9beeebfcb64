"""Exposures of a dbt project: whose they are, what they read."""

from __future__ import annotations

from typing import Any

from watermain.declare.name import DatasetName
from watermain.engine.mart.beside.exposure import homeless, of_project
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.naming import Naming


def model(name: str, kind: str = "table", *read: str) -> dict[str, Any]:
    """A model of the team `shop`."""
    return {
        "unique_id": f"model.w.{name}",
        "resource_type": "model",
        "name": name,
        "alias": name,
        "schema": "main",
        "original_file_path": f"models/shop/{name}.sql",
        "config": {"materialized": kind, "meta": {}},
        "depends_on": {"nodes": [f"model.w.{one}" for one in read]},
    }


def exposure(name: str, *read: str, **words: Any) -> dict[str, Any]:
    """An exposure as dbt writes it into a manifest."""
    return {
        "unique_id": f"exposure.w.{name}",
        "resource_type": "exposure",
        "name": name,
        "type": "dashboard",
        "description": "Read every\nmorning.",
        "owner": {"email": None, "name": "Ada"},
        "original_file_path": "models/exposures.yml",
        "config": {"enabled": True, "meta": {}},
        "depends_on": {"nodes": [f"model.w.{one}" for one in read]},
        "tags": [],
        **words,
    }


def project(*told: dict[str, Any]) -> CompiledProject:
    """A project of two teams."""
    models = [model("orders"), model("part", "ephemeral", "orders"), model("fees")]
    models[2]["original_file_path"] = "models/billing/fees.sql"
    return CompiledProject(
        {
            "nodes": {m["unique_id"]: m for m in models},
            "sources": {},
            "exposures": {e["unique_id"]: e for e in told},
        },
        Naming(teams=("billing", "shop"), said={}),
    )


def test_an_exposure_belongs_to_whoever_it_says_or_to_the_first_that_it_reads() -> None:
    """An ephemeral model stands for what it is made of."""
    said = {"enabled": True, "meta": {"watermain": {"team": "billing"}}}
    found = {
        e.name: (e.team, e.reads, e.owner)
        for e in of_project(
            project(
                exposure("board", "part"),
                exposure("bill", "orders", config=said, owner={"email": "ada@example.com"}),
            )
        )
    }
    orders = (DatasetName("shop", "marts", "orders"),)
    assert found == {
        "board": ("shop", orders, "team:shop"),
        "bill": ("billing", orders, "ada@example.com"),
    }


def test_an_exposure_keeps_what_people_ask_of_it() -> None:
    """Its kind, how mature it is, where it is found."""
    (made,) = of_project(
        project(exposure("board", "orders", url="https://example.com/b", maturity="high"))
    )
    assert made.facts == {"type": "dashboard", "maturity": "high", "url": "https://example.com/b"}
    assert made.description == "Read every morning."
    assert made.key == ("shop", "exposures", "board")


def test_an_exposure_of_nobody_is_told() -> None:
    """It reads nothing, and nothing says whose it is."""
    made = project(exposure("alone"), exposure("board", "orders"))
    (told,) = homeless(made)
    assert "dbt exposure `alone` belongs to no team" in told
    assert told.startswith("dbt_project/models/exposures.yml:1")
