"""Whose a node of a dbt project is."""

from __future__ import annotations

from typing import Any

import pytest

from watermain.declare import DatasetName
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.mart.naming import Naming, source_name

TEAMS = ("finance", "sales")


def node(path: str, **config: Any) -> dict[str, Any]:
    """A model at a place."""
    config = {"meta": {}, "group": None, **config}
    name = path.rsplit("/", maxsplit=1)[-1].split(".", maxsplit=1)[0]
    return {
        "resource_type": "model",
        "original_file_path": path,
        "name": name,
        "alias": config.pop("alias", name),
        "config": config,
    }


def named(one: dict[str, Any], **said: str) -> str:
    """The dataset that it is."""
    return str(
        Naming(teams=TEAMS, said={k.replace("__", "/"): v for k, v in said.items()}).name(one)
    )


@pytest.mark.parametrize(
    ("one", "team"),
    [
        (node("models/marts/sales/a.sql"), "sales"),
        (node("models/sales/staging/deep/a.sql"), "sales"),
        (node("models/sales/finance/a.sql"), "finance"),
        (node("seeds/finance/a.csv"), "finance"),
        (node("models/sales/a.sql", group="finance"), "finance"),
        (node("models/sales/a.sql", group="core"), "sales"),
        (node("models/a.sql", meta={"owner": "team:sales"}), "sales"),
        (node("models/a.sql", meta={"owner": "finance"}), "finance"),
        (node("models/sales/a.sql", meta={"watermain": {"team": "finance"}}), "finance"),
    ],
)
def test_team_is_what_is_said_nearest(one: dict[str, Any], team: str) -> None:
    """Its own word, a group, an owner, then the nearest folder that is a room."""
    assert named(one) == f"{team}.marts.a"


def test_settings_give_folders_and_groups_to_teams() -> None:
    """The nearest folder counts; `.` is everything; a group counts before folders."""
    said = {"models": "sales", "models/staging": "finance", "group:core": "sales"}
    naming = Naming(teams=TEAMS, said=said)
    assert naming.name(node("models/a.sql")).team == "sales"
    assert naming.name(node("models/staging/x/a.sql")).team == "finance"
    assert naming.name(node("models/staging/a.sql", group="core")).team == "sales"
    assert Naming(teams=TEAMS, said={".": "finance"}).name(node("seeds/a.csv")).team == "finance"


def test_only_room_of_a_project_has_all() -> None:
    """A project as it is needs no word of ours."""
    assert str(Naming(teams=("shop",), said={}).name(node("models/a.sql"))) == "shop.marts.a"


@pytest.mark.parametrize(
    ("one", "what", "then"),
    [
        (node("models/a.sql"), "belongs to no team", "`dbt_teams` of [tool.watermain]"),
        (
            node("models/a.sql", meta={"watermain": {"team": "care"}}),
            "belongs to the team `care`, which has no room",
            "watermain new room care",
        ),
        (node("models/sales/a.sql", alias="My-Table"), "has the name `My-Table`", "an `alias`"),
    ],
)
def test_what_belongs_to_nobody_is_asked_for_by_name(
    one: dict[str, Any], what: str, then: str
) -> None:
    """With the line to paste."""
    with pytest.raises(InvalidDeclarationError) as refused:
        named(one)
    assert what in refused.value.what
    assert then in refused.value.next
    assert "models/" in refused.value.declared


def test_file_that_dbt_cannot_parse_keeps_the_name_of_its_place() -> None:
    """So that nobody takes it for one that ended."""
    naming = Naming(teams=TEAMS, said={"models/core": "finance"})
    assert naming.guess("models/marts/sales/torn.sql") == DatasetName("sales", "marts", "torn")
    assert naming.guess("models/core/torn.sql") == DatasetName("finance", "marts", "torn")
    assert naming.guess("models/torn.sql") is None
    assert naming.guess("models/sales/To-rn.sql") is None


def source(schema: str, **meta: Any) -> dict[str, Any]:
    """A source of a project."""
    return {
        "resource_type": "source",
        "original_file_path": "models/sources.yml",
        "source_name": "ecom",
        "name": "raw_orders",
        "identifier": "orders",
        "schema": schema,
        "config": {"meta": meta},
    }


def test_source_is_what_it_says_or_what_lies_there() -> None:
    """Its own word, a table that the project makes, or a room's dataset by its schema."""
    own = {("raw", "orders"): DatasetName("sales", "marts", "orders")}
    said = source("raw", watermain={"dataset": "sales.curated.orders"})
    assert str(source_name(said, own)) == "sales.curated.orders"
    assert str(source_name(source("raw"), own)) == "sales.marts.orders"
    assert str(source_name(source("sales_curated"), {})) == "sales.curated.orders"


def test_source_that_is_no_dataset_is_refused_by_name() -> None:
    """With the words to write."""
    with pytest.raises(InvalidDeclarationError, match=r"ecom\.raw_orders") as refused:
        source_name(source("raw"), {})
    assert "meta: watermain: dataset:" in refused.value.next
