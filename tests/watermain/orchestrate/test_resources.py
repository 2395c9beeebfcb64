"""What Dagster shows of the systems that a room is connected to."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from watermain.declare import Column, Contract, Dataset, Files, FilesConnection, Postgres, raw
from watermain.declare import PostgresConnection as Database
from watermain.declare.errors import UnknownConnectionError
from watermain.engine.rooms import connections as rooms_connections
from watermain.lake.lake import Lake, table
from watermain.orchestrate import location
from watermain.orchestrate.asset import asset_for
from watermain.orchestrate.resources import resources
from watermain.settings import load_settings

SECRET = "open sesame"


def shown(made: dg.Definitions) -> dict[str, Any]:
    """What the UI is told of each resource."""
    repository = made.get_repository_def()
    snap = RepositorySnap.from_def(repository)
    return {each.name: each for each in snap.resources or ()}


def values(resource: Any) -> dict[str, str]:
    """The options that the page of a resource lists."""
    return {name: json.loads(text) for name, text in resource.configured_values.items()}


def orders(drop: str = "drop") -> Dataset:
    """A captured dataset of three columns."""
    names = ("id", "day", "note")
    return raw(
        "shop.raw.orders",
        source=Files(connection=drop, pattern="*.csv", format="csv"),
        contract=Contract(
            grain="one row per order",
            key=("id",),
            columns=tuple(Column(name, pa.string(), "text") for name in names),
        ),
        owner="team:shop",
    )


def test_resources_are_shown_without_any_secret(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """References stand as they are; of a variable the name is told."""
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    monkeypatch.setenv("WATERMAIN_THREADS", "3")
    monkeypatch.setenv("WATERMAIN_SOURCE_OTHER_DB", f"postgresql://us:{SECRET}@host/x")
    address = "postgresql://host/shop"
    words = [
        Database("shop_db", address=address, user="us", password="env:SHOP_PASSWORD"),
        Database("other_db", address="postgresql://declared/x"),
        FilesConnection("drop"),
    ]
    made = dg.Definitions(resources=resources(load_settings(), {w.name: w for w in words}))
    found = shown(made)
    assert sorted(found) == ["drop", "engine", "lake", "online_store", "other_db", "shop_db"]
    assert values(found["shop_db"]) == {
        "address": address,
        "user": "us",
        "password": "env:SHOP_PASSWORD",
    }
    assert values(found["other_db"]) == {"address": "in WATERMAIN_SOURCE_OTHER_DB"}
    assert values(found["drop"]) == {"address": "in WATERMAIN_SOURCE_DROP"}
    assert values(found["engine"]) == {"memory_limit": "4GB", "threads": "3"}
    assert values(found["online_store"]) == {"address": "online.sqlite in the data folder"}
    assert "test_resources.py" in str(found["shop_db"].resource_snapshot.description)
    assert SECRET not in repr(found)


def test_asset_uses_the_connection_that_its_source_names(lake: Lake, tmp_path: Path) -> None:
    """It captures by it, and Dagster knows that it does."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "orders.csv").write_text("id,day,note\n1,2026-01-01,x\n")
    word = FilesConnection("drop", address=str(tmp_path / "in"))
    dataset = orders()
    known = {"drop": word}
    asset = asset_for(dataset, {dataset.name: dataset}.__getitem__, known)
    assert isinstance(asset, dg.AssetsDefinition)
    assert asset.required_resource_keys >= {"lake", "drop"}
    os.utime(tmp_path / "in" / "orders.csv", (0, 1_700_000_000))
    with dg.instance_for_test() as instance:
        for _ in range(2):
            told = resources(load_settings(), known)
            assert dg.materialize([asset], resources=told, instance=instance).success
        found = instance.fetch_materializations(asset.key, limit=2).records
        tags = [dict(r.asset_materialization.tags or {}) for r in found if r.asset_materialization]
    first, again = (each["dagster/data_version"] for each in reversed(tags))
    assert again == first  # nothing had come, so that nothing downstream is called stale
    with lake.get_connection() as connection:
        rows = connection.execute(f"select id, note from {table(dataset.name)}").fetchall()
    assert rows == [("1", "x")]


def test_run_cannot_set_a_connection(lake: Lake, tmp_path: Path) -> None:
    """What is declared is declared."""
    dataset = orders()
    known = {"drop": FilesConnection("drop", address=str(tmp_path))}
    asset = asset_for(dataset, {dataset.name: dataset}.__getitem__, known)
    assert isinstance(asset, dg.AssetsDefinition)
    with pytest.raises(dg.DagsterResourceFunctionError) as raised:
        dg.materialize(
            [asset],
            resources=resources(load_settings(), known),
            run_config={"resources": {"drop": {"config": {"address": "/elsewhere"}}}},
        )
    assert "a run brings its own options of a resource" in str(raised.value.__cause__)


@pytest.fixture
def declaring(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let a company declare other connections."""

    def declare(*words: Any) -> None:
        monkeypatch.setattr(location, "connections", lambda: {w.name: w for w in words})

    return declare


@pytest.mark.usefixtures("home")
def test_room_that_names_what_nobody_declares_is_not_loaded(
    declaring: Callable[..., None],
) -> None:
    """Team weather's room, with one connection of three missing, then of another kind."""
    found = rooms_connections.connections()
    others = [word for name, word in found.items() if name != "weather"]
    declaring(*others)
    with pytest.raises(UnknownConnectionError) as raised:
        location.code_location("weather")
    assert "nobody declares the connection `weather`, and a rest is needed" in str(raised.value)
    assert raised.value.declared.startswith("platform_assets/weather/raw.py:")
    declaring(*others, Database("weather"))
    with pytest.raises(UnknownConnectionError, match="`weather` is a PostgresConnection"):
        location.code_location("weather")


@pytest.mark.usefixtures("home")
def test_room_shows_every_connection_of_the_company() -> None:
    """With the datasets that use each."""
    found = shown(location.code_location("weather"))
    assert set(rooms_connections.connections()) < set(found)
    users = {key.to_user_string() for key in found["weather"].asset_keys_using}
    assert "weather/raw/observations" in users
    assert values(found["weather"])["silent_within"] == "0:00:30"


def test_database_word_is_a_source_of_changes() -> None:
    """The words of both sides meet by their kind."""
    assert dict(Postgres(connection="shop_db", table="a.b").uses()) == {"shop_db": Database.kind}
