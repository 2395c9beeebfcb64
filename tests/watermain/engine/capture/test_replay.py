"""Rows put aside that come back, or are let go: each once, told to Dagster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from tests.faults import aside
from tests.watermain.engine.feed import Feed, changes
from watermain.clock import FixedClock
from watermain.declare import Dataset, DatasetName
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.capture.ingest import capture
from watermain.engine.capture.replay import discard, open_rows, replay_captured
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.lake.quarantine import counted, listed
from watermain.orchestrate.asset import asset_for
from watermain.orchestrate.quarantine_asset import quarantine_assets, quarantine_key

NUMBERS = count()
NOON = FixedClock(datetime(2013, 2, 1, 12, tzinfo=UTC))


class Till:
    """A captured dataset of which five rows lie in quarantine, one of them for good reason."""

    def __init__(self, lake: Lake) -> None:
        name = DatasetName("shop", "raw", f"events_{next(NUMBERS)}")
        self.lake = lake
        self.events, self.widened = (replace(d, name=name) for d in (aside.events, aside.widened))
        self.job = Job(lake=lake, find={}.__getitem__, clock=NOON)
        given = changes([*aside.GIVEN, aside.BROKEN])
        capture(self.events, self.job, source=Feed(given))

    def ids(self) -> list[str]:
        """The keys of the captured rows."""
        with self.lake.get_connection() as connection:
            rows = connection.execute(f"select id from {table(self.events.name)} order by 1")
            return [str(row[0]) for row in rows.fetchall()]

    def states(self) -> dict[str, int]:
        """How many rows stand how."""
        found: dict[str, int] = {}
        with self.lake.get_connection() as connection:
            for row in counted(connection, str(self.events.name)):
                found[row["status"]] = found.get(row["status"], 0) + row["rows"]
        return found


@pytest.fixture
def till(shared_lake: Lake) -> Till:
    """Rows of two days, of which the calendar knows one."""
    return Till(shared_lake)


def test_replay_publishes_the_rows_that_now_fit_each_once(till: Till) -> None:
    """A second replay finds only the row that still does not fit."""
    assert till.ids() == ["s1", "s3", "s5", "s7"]
    first = replay_captured(till.widened, till.job)
    second = replay_captured(till.widened, till.job)
    assert till.ids() == [f"s{n}" for n in range(8)]
    assert (first.tried, dict(first.gained)) == (5, {"2013-01-01": 4})
    assert (second.tried, dict(second.gained)) == (1, {})
    assert till.states() == {"open": 1, "replayed": 4}


def test_replay_under_the_same_contract_changes_nothing(till: Till) -> None:
    """Rows that did not fit do not fit."""
    assert dict(replay_captured(till.events, till.job).gained) == {}
    assert till.states() == {"open": 5}


def test_replayed_rows_keep_their_batch_with_their_position(till: Till) -> None:
    """What reads changes in commit order puts them where they belong."""
    replay_captured(till.widened, till.job)
    with till.lake.get_connection() as connection:
        rows = connection.execute(
            f"select distinct _batch_id, _seq - right(id, 1)::int from {table(till.events.name)}"
        ).fetchall()
    assert len(rows) == 1
    assert rows[0][1] == 0


def test_replay_gives_the_partition_a_new_version(till: Till) -> None:
    """Whatever is computed from it knows that it changed."""
    with till.lake.get_connection() as connection:
        before = ledger.versions(connection, till.events.name)
    replay_captured(till.widened, till.job)
    with till.lake.get_connection() as connection:
        after = ledger.versions(connection, till.events.name)
        standing = ledger.standing(connection, [till.events.name])[till.events.name]
    assert before.keys() == {"2013-01-02"}
    assert after.keys() == {"2013-01-01", "2013-01-02"}
    assert standing["2013-01-01"].rows_ever == 4


@pytest.mark.parametrize(
    "payload", ["no json", "[1, 2]", '"text"', "{}", '{"id": "s1", "at": "2013-01-01 10:00:00"}']
)
def test_payload_that_is_no_captured_row_stays(till: Till, payload: str) -> None:
    """What the source itself could not read has no position, so it cannot be appended."""
    with till.lake.get_connection() as connection:
        connection.execute(
            f"insert into {ledger.QUARANTINE} (dataset, batch_id, position, reason, payload)"
            " values (?, 'b', '1', 'unreadable', ?)",
            [str(till.events.name), payload],
        )
    replay_captured(till.widened, till.job)
    assert till.ids() == [f"s{n}" for n in range(8)]
    assert till.states() == {"open": 2, "replayed": 4}


def test_discard_keeps_who_when_why(till: Till) -> None:
    """The rows are closed, never deleted; a replay leaves them alone."""
    assert discard(till.widened, till.job, why="test rows", by="ann") == 5
    replay_captured(till.widened, till.job)
    assert till.states() == {"discarded": 5}
    assert len(till.ids()) == 4
    with till.lake.get_connection() as connection:
        told = connection.execute(
            "select distinct verdict, reason, decided_by, decided_at::timestamp"
            f" from {ledger.VERDICTS} where dataset = ?",
            [str(till.events.name)],
        ).fetchall()
    assert told == [("discarded", "test rows", "ann", NOON.instant.replace(tzinfo=None))]


def test_discard_takes_only_the_rows_that_are_named(till: Till) -> None:
    """A condition over what `listed` tells."""
    assert discard(till.widened, till.job, why="x", by="ann", where="position is not null"
                   " and why = '`amount` is not int64'") == 1  # fmt: skip
    assert till.states() == {"discarded": 1, "open": 4}


@pytest.mark.parametrize("why", ["", "  "])
def test_discard_needs_a_reason(till: Till, why: str) -> None:
    """Without one nothing is decided."""
    with pytest.raises(InvalidDeclarationError, match="for a reason only"):
        discard(till.widened, till.job, why=why, by="ann")
    assert till.states() == {"open": 5}


def test_discarded_row_stays_discarded_when_it_is_computed_again(shared_lake: Lake) -> None:
    """The verdict speaks about the row, not about one publish of it."""
    sales = aside.sales(-2)
    aside.perform("-2", shared_lake)
    job = Job(lake=shared_lake, find={}.__getitem__)
    assert discard(sales, job, why="known", by="ann") == 2
    aside.perform("-2", shared_lake)
    with shared_lake.get_connection() as connection:
        rows = listed(connection, str(sales.name))
        assert open_rows(connection, sales) == {}
    assert {r["status"] for r in rows} == {"discarded"}
    aside.perform("-3", shared_lake)
    with shared_lake.get_connection() as connection:
        assert open_rows(connection, sales) == {"2013-01-01": 3}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster of its own."""
    with dg.instance_for_test() as made:
        yield made


def run(dataset: Dataset, lake: Lake, instance: dg.DagsterInstance, **words: Any) -> Any:
    """Materialize a dataset by Dagster."""
    asset = asset_for(dataset, {dataset.name: dataset}.__getitem__)
    assert isinstance(asset, dg.AssetsDefinition)
    return dg.materialize(
        [asset], instance=instance, resources={"lake": lake}, raise_on_error=False, **words
    )


def test_sibling_asset_tells_how_many_rows_lie_aside_by_rule(
    shared_lake: Lake, instance: dg.DagsterInstance
) -> None:
    """Partition by partition; the failed check names keys, place, route, runbook."""
    sales = replace(aside.sales(-2), name=DatasetName("shop", "curated", "seen"))
    result = run(sales, shared_lake, instance, partition_key="2013-01-01")
    assert result.success
    (told,) = instance.fetch_materializations(quarantine_key(sales), limit=5).records
    facts = told.asset_materialization.metadata
    assert told.partition_key == "2013-01-01"
    assert facts["dagster/partition_row_count"].value == 2
    assert facts["by_rule"].value == {"between_amount": 2}
    (check,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "between_amount"]
    known = {k: v.value for k, v in check.metadata.items()}
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (known["failing"], known["rows"], known["sample_keys"]) == (2, 6, "s0, s1")
    assert known["runbook"] == "docs/runbooks/rows-break-a-rule.md"
    assert "tests/faults/aside.py:" in known["declared"]
    assert known["route"] == "shared scan"


def test_sibling_stands_beside_what_can_put_rows_aside() -> None:
    """Computed datasets need a rule for it; captured ones always can."""
    sales, plain = aside.sales(0), replace(aside.sales(0), checks=())
    specs = quarantine_assets([sales, plain, aside.events])
    assert [s.key.path for s in specs] == [
        ["shop", "curated", "sales_quarantine"],
        ["shop", "raw", "events_quarantine"],
    ]
    assert [[d.asset_key.path for d in s.deps] for s in specs] == [
        [["shop", "curated", "sales"]],
        [["shop", "raw", "events"]],
    ]
    assert specs[0].partitions_def is not None
    assert specs[1].partitions_def is None


def test_payload_is_the_row_as_json(shared_lake: Lake) -> None:
    """Names with quotes, text with quotes come through."""
    sales = aside.sales(0)
    odd = pa.table(
        {
            "id": ['it\'s "odd"'],
            "at": pa.array([datetime(2013, 1, 1, 10)], pa.timestamp("us")),
            "amount": [-1],
        }
    )
    named = replace(sales, name=DatasetName("shop", "curated", "odd"), body=lambda: odd)
    job = Job(lake=shared_lake, find={}.__getitem__, rebuild=True)
    publish(named, Span(aside.EARLY, "2013-01-01", "2013-01-01"), job).refuse_blocked()
    with shared_lake.get_connection() as connection:
        (row,) = listed(connection, str(named.name))
    assert json.loads(row["payload"])["id"] == 'it\'s "odd"'
    assert row["position"] == 'it\'s "odd"'
