"""What whoever was woken sees of the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.watermain.engine.promise.promises import june
from watermain.clock import micros
from watermain.console.asked import LedgerAnswer
from watermain.console.books import TriedPartition
from watermain.console.page.oncall import (
    by_hour,
    failing_datasets,
    lags,
    room_troubles,
    schema_changes,
)

NOW = june(20, 12, 30)
NONE = LedgerAnswer(publishes={})


def stream(name: str, reached: int | None, at: int, shard: str = "s") -> dict[str, object]:
    """A shard of a stream that has reached an hour of 20 June."""
    return {
        "stream": name,
        "shard": shard,
        "watermark_at": None if reached is None else micros(june(20, reached)),
        "committed_at": micros(june(20, at)),
    }


def test_lag_is_that_of_the_whole_stream() -> None:
    """What is not measured comes first, then the furthest behind; never below zero."""
    rows = (
        stream("a", 10, 12),
        stream("a", 11, 11, "t"),
        stream("b", None, 9),
        stream("c", 13, 12),
        stream("d", 2, 12),
    )
    found = lags(replace(NONE, streams=rows), NOW)
    assert [(each["stream"], each["lag"]) for each in found] == [
        ("b", None),
        ("d", timedelta(hours=10, minutes=30)),
        ("a", timedelta(hours=1, minutes=30)),
        ("c", timedelta(0)),
    ]
    assert found[2]["at"] == june(20, 12)
    assert lags(None, NOW) == []


def test_failures_are_counted_by_hour() -> None:
    """24 hours, the present one last; what lies outside counts for nothing."""
    instants = [june(20, 12, 1).timestamp(), june(20, 12, 29).timestamp(), june(19, 13).timestamp()]
    found = by_hour([*instants, june(18).timestamp(), None], NOW)
    assert len(found) == 24
    assert (found[0], found[-1]) == ((june(19, 13), 1), (june(20, 12), 2))
    assert sum(count for _, count in found) == 3


def test_datasets_that_fail_most_come_first() -> None:
    """Partitions tried in vain, and runs."""
    tried = TriedPartition(
        dataset="a", partition="1", tries=1, state="failed", why="", run="", at=NOW
    )
    runs = [{"datasets": ["b", "c"]}, {"datasets": ["b"]}, {"datasets": ["b"]}]
    found = failing_datasets([tried, replace(tried, partition="2")], runs)
    assert found == [("b", 0, 3), ("a", 2, 0), ("c", 0, 1)]


def test_schema_changes_are_told_newest_first() -> None:
    """New contracts beside columns that a source showed."""
    contract = {"dataset": "a", "version_before": "1.0.0", "contract_version": "2.0.0"}
    facts = replace(
        NONE,
        changes=(
            contract | {"at": micros(june(18))},
            contract | {"at": micros(june(17)), "contract_version": "1.0.0"},
        ),
        drift=(
            {"dataset": "b", "at": micros(june(19)), "column_name": "tz", "outcome": "diverted"},
        ),
    )
    assert [each["what"] for each in schema_changes(facts)] == [
        "column tz was diverted",
        "contract 1.0.0 became 2.0.0",
        "contract changed within version 1.0.0",
    ]
    assert schema_changes(None) == []


def test_rooms_are_told_of_which_something_is_wrong() -> None:
    """One that is loading is not wrong; a reason has one line."""
    facts = replace(NONE, locations={"a": "", "b": "loading", "c": "KeyError: x\ntrace"})
    assert room_troubles(facts, {"d": "it has never loaded here"}) == [
        ("c", "does not load: KeyError: x"),
        ("d", "it has never loaded here"),
    ]
    assert room_troubles(None, {}) == []
