"""Every publish is told with its snapshot, its maker, its reason."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import ibis
import pytest
from typer.testing import CliRunner

from tests.watermain.engine.feed import Feed, changes
from tests.watermain.engine.publish.test_publish import (
    days,
    declare,
    events,
    job,
    latest,
    rows,
    sales,
    sold,
    stocked,
)
from watermain import read
from watermain.__main__ import app
from watermain.cli.look import history as command
from watermain.cli.look import past
from watermain.declare import Dataset, latest_per_key
from watermain.declare.errors import InvalidPartitionError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publish import publish
from watermain.engine.publish.restore import rollback
from watermain.lake.lake import Lake

__all__ = ["stocked"]


def told(
    lake: Lake, dataset: Dataset = sales, partition: str | None = None
) -> list[dict[str, Any]]:
    """What the ledger knows, newest first."""
    ask = past.publishes if dataset.is_computed else past.captures
    with lake.get_connection() as connection:
        return ask(connection, dataset, partition, 100)[0]


def test_each_publish_is_one_entry_with_what_it_changed(stocked: Lake) -> None:
    """Partitions, rows before and after, the snapshot in which readers see it."""
    done = publish(sales, days(1, 3), job(stocked, run_id="first"))
    (entry,) = told(stocked)
    assert entry["snapshot"] == done.output_snapshot
    assert entry["partitions"] == ["2013-01-01", "2013-01-02", "2013-01-03"]
    assert (entry["rows_before"], entry["rows_after"]) == (0, 9)
    assert (entry["run_id"], entry["why"]) == ("first", "first time")


def test_changed_inputs_are_named(stocked: Lake) -> None:
    """The input that was published between what was read before and now; nothing new is none."""
    publish(sales, days(1, 3), job(stocked))
    publish(sales, days(1, 3), job(stocked))
    late = [sold(90, 2, 100)]
    capture(events, job(stocked), source=Feed(changes(late, start="1", end="2")))
    publish(sales, days(1, 3), job(stocked, run_id="second"))
    newest, *older = told(stocked)
    assert newest["why"] == "inputs changed: shop.raw.events"
    assert newest["partitions"] == ["2013-01-02"]
    assert (newest["rows_before"], newest["rows_after"]) == (3, 4)
    assert len(older) == 1
    assert told(stocked, partition="2013-01-01") == [
        older[0] | {"partitions": ["2013-01-01"], "rows_after": 3}
    ]


def doubled(events: ibis.Table) -> ibis.Table:
    """Keep the latest of each, twice as much."""
    kept = latest_per_key(events, "id")
    return kept.mutate(amount=kept.amount * 2)


def test_changed_code_is_the_reason_even_for_new_partitions(stocked: Lake) -> None:
    """Several reasons of one publish are counted."""
    publish(sales, days(1, 2), job(stocked))
    publish(declare(doubled), days(1, 3), job(stocked))
    assert told(stocked)[0]["why"] == "first time (1), code changed (2)"


def test_changed_contract_is_told_before_the_code_that_it_is_part_of(stocked: Lake) -> None:
    """Since that is what readers notice."""
    publish(declare(latest), days(1, 1), job(stocked))
    wider = replace(sales.contract, version="1.1.0", grain="one row per sale, ever")
    publish(replace(declare(doubled), contract=wider), days(1, 1), job(stocked))
    assert told(stocked)[0]["why"] == "contract changed"


def test_what_somebody_asked_for_is_told_as_that(stocked: Lake) -> None:
    """A rebuild of the same rows; a way back, whose snapshot `rollback` was given."""
    first = publish(sales, days(1, 1), job(stocked))
    publish(sales, days(1, 1), job(stocked, rebuild=True))
    assert told(stocked)[0]["why"] == "rebuilt by hand"
    publish(declare(doubled), days(1, 1), job(stocked))
    number = told(stocked)[-1]["snapshot"]
    assert number == first.output_snapshot
    before = rows(stocked)
    rollback(sales, number, job(stocked, run_id="rollback"))
    assert told(stocked)[0]["why"] == "rolled back"
    assert sum(amount for *_, amount in rows(stocked)) * 2 == sum(a for *_, a in before)


def test_snapshot_is_the_one_that_commands_take(stocked: Lake) -> None:
    """As of it there are the rows that it tells, and none of them before."""
    publish(sales, days(1, 1), job(stocked))
    publish(sales, days(2, 3), job(stocked))
    for entry, held in zip(told(stocked), (9, 3), strict=True):
        answer = read.query(
            f"select count(*) as n from {sales.name}",
            snapshot=entry["snapshot"],
            declared=lambda: {sales.name: sales},
        )
        assert answer.rows.to_pylist() == [{"n": held}]


def test_captured_batches_are_told_with_their_positions(stocked: Lake) -> None:
    """One entry for each, with the partitions that its rows came into."""
    more = [sold(9, 2, 1), sold(10, 2, 1)]
    capture(events, job(stocked), source=Feed(changes(more, start="1", end="2")))
    newest, oldest = told(stocked, events)
    assert (oldest["rows"], newest["rows"]) == (9, 2)
    assert oldest["partitions"] == ["2013-01-01", "2013-01-02", "2013-01-03"]
    assert (newest["from_position"], newest["to_position"]) == ("1", "2")
    assert newest["partitions"] == ["2013-01-02"]
    assert newest["snapshot"] > oldest["snapshot"]
    assert told(stocked, events, "2013-01-03") == [oldest]


def test_command_prints_the_newest_first(stocked: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lines each; what the limit left out is told."""
    publish(sales, days(1, 1), job(stocked, run_id="stream:12"))
    publish(sales, days(2, 3), job(stocked, run_id="237ef447-43dd-41f4-8b9d-483f271b7806"))
    monkeypatch.setattr(command, "named", lambda text: sales)
    done = CliRunner().invoke(app, ["history", "shop.curated.sales"])
    heads, bodies = done.stdout.splitlines()[::2], done.stdout.splitlines()[1::2]
    newest, oldest = told(stocked)
    assert heads[0].startswith(f"snapshot {newest['snapshot']} ")
    assert heads[0].endswith("run 237ef447")
    assert heads[1].startswith(f"snapshot {oldest['snapshot']} ")
    assert heads[1].endswith("a stream")
    assert bodies == [
        "  2013-01-02..2013-01-03 (2)  0 -> 6 rows: first time",
        "  2013-01-01  0 -> 3 rows: first time",
    ]
    assert done.stderr == ""
    one = CliRunner().invoke(app, ["history", "shop.curated.sales", "--limit", "1"])
    assert len(one.stdout.splitlines()) == 2
    assert one.stderr == "the last 1 of 2; --limit 2 lists all\n"
    facts = CliRunner().invoke(app, ["history", "shop.curated.sales", "--json"])
    assert [each["snapshot"] for each in json.loads(facts.stdout)] == [
        newest["snapshot"],
        oldest["snapshot"],
    ]


def test_command_prints_batches_and_what_has_none(
    stocked: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long position is cut; a dataset without a past says so."""
    monkeypatch.setattr(command, "named", lambda text: events)
    done = CliRunner().invoke(app, ["history", "shop.raw.events"])
    assert "2013-01-01..2013-01-03 (3)  9 rows: " in done.stdout
    monkeypatch.setattr(command, "named", lambda text: sales)
    none = CliRunner().invoke(app, ["history", "shop.curated.sales"])
    assert (none.exit_code, none.stdout) == (0, "")
    assert none.stderr == "nothing was published yet\n"


def test_platform_s_own_dataset_has_no_publishes(lake: Lake) -> None:
    """Which is told as no fault."""
    own = CliRunner().invoke(app, ["history", "upkeep.raw.drift"])
    assert "the platform writes upkeep.raw.drift as it works" in own.stderr


def test_partition_must_be_one_of_the_calendar(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key finds nothing by being refused."""
    monkeypatch.setattr(command, "named", lambda text: sales)
    words = ["history", "shop.curated.sales", "--partition", "yesterday"]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, InvalidPartitionError)
