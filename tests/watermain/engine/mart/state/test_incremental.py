"""Incremental models: what is refused, what a second run does, what makes one anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from tests.watermain.engine.mart.state.growing import ROUNDS, Growing, at, plain
from watermain.declare import Daily, Dataset, Hourly, Monthly
from watermain.declare.body.mart import Growth
from watermain.declare.errors import BrokenContractError, InvalidDeclarationError
from watermain.engine.code.code import code_version
from watermain.engine.mart.mart import _refuse_cadence
from watermain.engine.mart.state.incremental import (
    growth,
    microbatch_cadence,
    microbatch_words,
    strategy,
)
from watermain.engine.publish.publish import publish

FIRST, SECOND, THIRD = ROUNDS


def node(**config: Any) -> dict[str, Any]:
    """An incremental model with one configuration."""
    return {
        "resource_type": "model",
        "name": "grows",
        "original_file_path": "models/grows.sql",
        "raw_code": "select 1",
        "config": {"materialized": "incremental", **config},
    }


def grows(columns: tuple[str, ...] = ("id", "n"), **config: Any) -> Growth:
    """How a model with that configuration grows."""
    found = growth(node(**config), "select 1", columns)
    assert found is not None
    return found


REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "overwrite": (
        {"incremental_strategy": "insert_overwrite"},
        "has the incremental_strategy 'insert_overwrite'",
    ),
    "own": ({"incremental_strategy": "mine"}, "has the incremental_strategy 'mine'"),
    "clauses": (
        {
            "incremental_strategy": "merge",
            "unique_key": "id",
            "merge_clauses": {"when_matched": []},
        },
        "sets `merge_clauses`, which the platform does not follow",
    ),
    "python": ({"incremental_strategy": "microbatch"}, "is a microbatch that no SQL makes"),
    "change": ({"on_schema_change": "perhaps"}, "has the on_schema_change 'perhaps'"),
    "whole_rows": (
        {"unique_key": "id", "merge_exclude_columns": ["n"]},
        "limits the columns of `delete+insert`",
    ),
    "strange": (
        {"incremental_strategy": "merge", "unique_key": "id", "merge_exclude_columns": ["x"]},
        "merges columns that it has not: `x`",
    ),
    "both": (
        {"incremental_strategy": "merge", "unique_key": "id"}
        | {"merge_exclude_columns": ["n"], "merge_update_columns": ["id"]},
        "says both `merge_update_columns` and `merge_exclude_columns`",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_honoured_is_refused_by_name(name: str) -> None:
    """At the model, with what to say instead."""
    config, told = REFUSED[name]
    with pytest.raises(InvalidDeclarationError) as refused:
        growth(node(**config), "select 1", ("id", "n"))
    assert told in str(refused.value)
    assert "grows.sql:1" in refused.value.declared


MICRO = {
    "incremental_strategy": "microbatch",
    "event_time": "moment",
    "batch_size": "day",
    "begin": "2024-01-15",
}
REFUSED_BATCHES: Mapping[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "year": ({"batch_size": "year"}, {}, "has the batch_size 'year'"),
    "begin": ({"begin": None}, {}, "is a microbatch without `begin`"),
    "key": ({"unique_key": "id"}, {}, "sets `unique_key`"),
    "lookback": ({"lookback": -1}, {}, "has the lookback -1"),
    "cadence": ({}, {"cadence": "daily"}, "says `cadence` in meta.watermain beside"),
}


@pytest.mark.parametrize("name", REFUSED_BATCHES)
def test_what_no_batch_can_be_is_refused_by_name(name: str) -> None:
    """A year, for which there are no partitions, among them."""
    config, words, told = REFUSED_BATCHES[name]
    given = node(**{**MICRO, **config})
    with pytest.raises(InvalidDeclarationError) as refused:
        microbatch_cadence(given, microbatch_words(given, words))
    assert told in str(refused.value)


def test_partitions_of_what_follows_from_its_own_rows_are_refused() -> None:
    """A batch says its own, and a table has none of its own accord."""
    words = {"cadence": "daily"}
    for kind in ("model", "snapshot"):
        given = {**node(), "resource_type": kind}
        with pytest.raises(InvalidDeclarationError, match="and has a cadence"):
            _refuse_cadence(given, words)
        _refuse_cadence(given, {})
    _refuse_cadence(node(**MICRO), words)
    _refuse_cadence({**node(), "config": {"materialized": "table"}}, words)


def test_a_batch_is_a_partition() -> None:
    """Its size, its first one, and how long late rows are awaited: one batch where nothing says."""
    made = microbatch_cadence(node(**MICRO), {})
    assert made == Daily(start=date(2024, 1, 15), late_for=timedelta(days=1))
    hours = microbatch_cadence(node(**{**MICRO, "batch_size": "hour", "lookback": 3}), {})
    assert hours == Hourly(start=date(2024, 1, 15), late_for=timedelta(hours=3))
    months = microbatch_cadence(node(**{**MICRO, "batch_size": "month", "lookback": 0}), {})
    assert months == Monthly(start=date(2024, 1, 1))


def test_the_default_is_that_of_dbt_for_duckdb() -> None:
    """Which deletes and inserts; without a key nothing goes."""
    assert strategy(node()) == strategy(node(incremental_strategy="default")) == "delete+insert"
    assert not grows().gone
    assert "(id) in (select (id) from watermain_new)" in grows(unique_key="id").gone


def test_a_full_refresh_by_configuration() -> None:
    """`true` makes it anew at each run, `false` never does."""
    assert growth(node(full_refresh=True), "select 1", ("id",)) is None
    assert grows(full_refresh=False).keeps
    assert not grows().keeps


MERGES = """
create table t (id int, n int, first int); insert into t values (1, 1, 1), (2, 2, 2), (null, 9, 9);
create view input_this as select * from t;
create table watermain_new (id int, n int, first int);
insert into watermain_new values (1, 10, 10), (3, 30, 30), (null, 90, 90);
"""


def test_a_merge_writes_what_matches_anew_and_what_does_not() -> None:
    """By hand: a null matches nothing, a column that is left out keeps what it was."""
    made = grows(
        ("id", "n", "first"),
        incremental_strategy="merge",
        unique_key="id",
        merge_exclude_columns=["first"],
    )
    with duckdb.connect() as connection:
        connection.execute(MERGES)
        assert connection.execute(made.repeats).fetchone() == (0,)
        connection.execute(f"create table coming as {made.written}")
        connection.execute(f"delete from t as {made.target} where {made.gone}")
        connection.execute("insert into t select * from coming")
        found = connection.execute("select * from t order by all").fetchall()
        assert found == [(1, 10, 1), (2, 2, 2), (3, 30, 30), (None, 9, 9), (None, 90, 90)]


@pytest.mark.slow
def test_nothing_new_adds_nothing(growing: Growing) -> None:
    """An append without a filter, too, is run only when an input has changed; then it repeats."""
    growing.give(FIRST)
    growing.build("repeated")
    assert len(growing.read("repeated")) == 4
    growing.build("repeated")
    assert len(growing.read("repeated")) == 4
    growing.give(SECOND)
    growing.build("repeated")
    assert len(growing.read("repeated")) == 4 + 7


@pytest.mark.slow
def test_a_rebuild_is_a_full_refresh(growing: Growing) -> None:
    """It equals the table that was made of the present inputs at once; readers are told of it."""
    growing.give(FIRST)
    growing.build("appended")
    growing.give(THIRD)
    growing.build("appended")
    mart = growing.marts["appended"]
    before = growing.read("appended")
    again = publish(mart, None, replace(growing.job, rebuild=True))
    (outcome,) = again.outcomes
    assert [row["id"] for row in growing.read("appended")] != [row["id"] for row in before]
    assert len(growing.read("appended")) == outcome.rows_out == len(THIRD["events"])
    same = publish(mart, None, replace(growing.job, rebuild=True))
    assert same.outcomes[0].data_version != outcome.data_version
    assert not publish(mart, None, growing.job).outcomes[0].published


@pytest.mark.slow
def test_changed_code_makes_it_anew(growing: Growing) -> None:
    """Rows of two codes never stand beside each other."""
    growing.give(FIRST)
    growing.build("appended")
    growing.give(THIRD)
    mart = growing.marts["appended"]
    assert mart.mart is not None
    assert mart.growth is not None
    other = replace(mart, mart=replace(mart.mart, grows=replace(mart.growth, sql="select 2")))
    assert code_version(other) != code_version(mart)
    sql = mart.mart.sql.replace("AS on_day", "+ 1 AS on_day")
    changed = replace(mart, mart=replace(mart.mart, sql=sql))
    assert code_version(changed) != code_version(mart)
    growing.publish(changed)
    assert len(growing.read("appended")) == len(THIRD["events"])


@pytest.mark.slow
def test_a_run_that_was_cut_short_is_as_if_it_never_was(
    growing: Growing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are taken in once, whatever happened between the first row and the commit."""
    growing.give(FIRST)
    growing.build("repeated", "replaced")
    growing.give(SECOND)
    for place in ("publish.after_stage", "publish.after_data_before_commit"):
        monkeypatch.setenv("WATERMAIN_FAILPOINT", f"{place}=raise")
        for name in ("repeated", "replaced"):
            monkeypatch.setattr("watermain.failpoint._HIT", {})
            with pytest.raises(RuntimeError, match="failpoint"):
                growing.build(name)
    monkeypatch.delenv("WATERMAIN_FAILPOINT")
    assert len(growing.read("repeated")) == 4
    growing.build("repeated", "replaced")
    assert len(growing.read("repeated")) == 4 + 7
    assert sorted(row["id"] for row in growing.read("replaced")) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.slow
def test_a_key_that_comes_twice_is_refused(growing: Growing) -> None:
    """Which of them the row becomes would be left open; readers keep what they had."""
    growing.give(FIRST)
    growing.build("merged_pair")
    before = plain(growing.read("merged_pair"))
    twice = [(1, "ann", 10, at(1, 8)), (9, "ann", 11, at(1, 8))]
    growing.give({"events": twice})
    with pytest.raises(BrokenContractError, match="1 keys that come more than once"):
        growing.build("merged_pair")
    assert plain(growing.read("merged_pair")) == before


@pytest.mark.slow
def test_late_rows_of_a_batch_are_found(growing: Growing) -> None:
    """Of an input without partitions news concern the batches that are still awaited."""
    mart: Dataset = growing.marts["batched"]
    assert mart.cadence == Daily(start=date(2024, 1, 1), late_for=timedelta(days=1))
    assert mart.mart is not None
    assert mart.mart.batched == {"operations_curated_events": "moment"}
    assert [n.refresh for n in mart.needs.values()] == ["open"]
    growing.give(FIRST)
    growing.build("batched")
    growing.give(SECOND)
    growing.build("batched")
    assert sorted(row["id"] for row in growing.read("batched")) == [1, 2, 3, 4, 5, 6, 7]
