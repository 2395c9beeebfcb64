"""Snapshots: what is refused, what stops one, what keeps its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.watermain.engine.mart.state.growing import ROUNDS, Growing, at, plain
from watermain.declare.errors import (
    BrokenContractError,
    DamagedDataError,
    InvalidDeclarationError,
)
from watermain.engine.mart.state.snapshot import history
from watermain.engine.publish.publish import publish
from watermain.engine.publish.repair import refuse_lost_history

FIRST, SECOND, _ = ROUNDS
COLUMNS = ("id", "name", "updated_at")


def node(**config: Any) -> dict[str, Any]:
    """A snapshot with one configuration."""
    right = {"strategy": "timestamp", "updated_at": "updated_at", "unique_key": "id"}
    return {
        "resource_type": "snapshot",
        "name": "past",
        "original_file_path": "snapshots/past.yml",
        "config": {**right, **config},
    }


REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "key": ({"unique_key": None}, "has no `unique_key`"),
    "strategy": ({"strategy": "mine"}, "has the strategy 'mine'"),
    "updated": ({"updated_at": None}, "has the strategy `timestamp` without `updated_at`"),
    "deletes": ({"hard_deletes": "forget"}, "has the hard_deletes 'forget'"),
    "nothing": ({"strategy": "check", "check_cols": None}, "has the check_cols None"),
    "lacks": (
        {"strategy": "check", "check_cols": ["name", "age"]},
        "has the check_cols ['name', 'age'], of which it lacks `age`",
    ),
    "taken": (
        {"snapshot_meta_column_names": {"dbt_valid_to": "Name"}},
        "takes `name` from its source, which it writes itself",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_dbt_would_not_take_is_refused_by_name(name: str) -> None:
    """At the snapshot."""
    config, told = REFUSED[name]
    with pytest.raises(InvalidDeclarationError) as refused:
        history(node(**config), COLUMNS)
    assert told in str(refused.value)
    assert "snapshots/past.yml:1" in refused.value.declared


def test_the_older_word_for_deletes_counts() -> None:
    """`invalidate_hard_deletes` of a project that is older than `hard_deletes`."""
    assert history(node(invalidate_hard_deletes=True), COLUMNS).deletes == "invalidate"
    assert history(node(), COLUMNS).deletes == "ignore"


def test_all_columns_are_those_of_the_source() -> None:
    """In their own spelling."""
    assert history(node(strategy="check", check_cols="all"), COLUMNS).checked == [*COLUMNS]
    assert history(node(strategy="check", check_cols=["NAME"]), COLUMNS).checked == ["name"]


@pytest.mark.slow
def test_a_key_that_stands_twice_stops_the_snapshot(growing: Growing) -> None:
    """dbt would go on with a history of two rows at once; a null key it would take for new ones."""
    growing.give(FIRST)
    growing.build("time_gone", "check_some")
    before = plain(growing.read("time_gone"))
    growing.give({"people": [(1, "eu", "a", at(5)), (1, "eu", "b", at(6))]})
    for name in ("time_gone", "check_some"):
        with pytest.raises(BrokenContractError, match="unique_key_stands_once"):
            growing.build(name)
    assert plain(growing.read("time_gone")) == before
    growing.give({"people": [(1, None, "a", at(5))]})
    with pytest.raises(BrokenContractError, match="unique_key_is_not_null"):
        growing.build("time_until")


@pytest.mark.slow
def test_a_history_is_never_made_anew(growing: Growing) -> None:
    """Neither by a rebuild, as in dbt, nor by changed code; nothing that ended begins again."""
    growing.give(FIRST)
    growing.build("time_gone")
    growing.give(SECOND)
    growing.build("time_gone")
    before = plain(growing.read("time_gone"))
    mart = growing.marts["time_gone"]
    publish(mart, None, replace(growing.job, rebuild=True))
    assert plain(growing.read("time_gone")) == before
    publish(replace(mart, checks=mart.checks[:1]), None, growing.job)
    assert plain(growing.read("time_gone")) == before
    assert sum(row["dbt_valid_to"] is not None for row in growing.read("time_gone")) == 3
    with pytest.raises(DamagedDataError, match="keeps a history that stands nowhere else"):
        refuse_lost_history(mart)


@pytest.mark.slow
def test_a_source_that_lost_every_row(growing: Growing) -> None:
    """Rows end, or stay, as `hard_deletes` says; what comes back stands again."""
    growing.give(FIRST)
    growing.build("time_stays", "time_gone", "check_record")
    growing.give({"people": []})
    growing.build("time_stays", "time_gone", "check_record")
    stands = {
        name: sum(row["dbt_valid_to"] is None for row in growing.read(name))
        for name in ("time_stays", "time_gone", "check_record")
    }
    assert stands == {"time_stays": 4, "time_gone": 0, "check_record": 4}
    deleted = [r["dbt_is_deleted"] for r in growing.read("check_record")]
    assert sorted(deleted) == ["False"] * 4 + ["True"] * 4
    growing.give(FIRST)
    growing.build("time_stays", "time_gone", "check_record")
    assert len(growing.read("time_stays")) == 4
    assert len(growing.read("time_gone")) == 8
    assert len(growing.read("check_record")) == 12
