"""The ledger remembers positions with versions, refuses a gap."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.watermain.lake.ledger_rows import NOON, STREAM, batch, publish
from watermain.cli.look.facts import LATEST, PARTITIONS, rows_of
from watermain.declare import DatasetName
from watermain.declare.errors import LedgerGapError
from watermain.lake import ledger
from watermain.lake.lake import Lake


def test_append_takes_more_rows_than_one_statement_holds(lake: Lake) -> None:
    """Rows are added in pieces, all of them."""
    rows = [batch(f"s{n}", "", str(n), 1) for n in range(250)]
    with lake.get_connection() as connection:
        ledger.append(connection, rows)
        ledger.append(connection, [])
        found = connection.execute(f"select count(*) from {ledger.BATCHES}").fetchone()
        assert found == (250,)


@pytest.mark.parametrize(("known", "start"), [({}, "5"), ({"a": "4"}, "5"), ({"a": "5"}, "")])
def test_batch_that_does_not_follow_is_refused(known: dict[str, str], start: str) -> None:
    """A gap as well as an overlap stops the capture."""
    with pytest.raises(LedgerGapError, match="shard a ends at") as told:
        ledger.contiguous(known, "a", start, STREAM)
    assert "the source still holds the rows" in told.value.data


def test_batch_that_follows_is_taken() -> None:
    """The first begins at nothing, each other at the end before it."""
    ledger.contiguous({}, "a", "", STREAM)
    ledger.contiguous({"a": "5"}, "a", "5", STREAM)


def test_ledger_alone_keeps_rows_in_the_catalog(lake: Lake) -> None:
    """A table of a dataset has files for its rows, for its deletes, from the first row on."""
    with lake.get_connection() as connection:
        connection.execute("create schema lake.shop_curated")
        connection.execute("begin")
        connection.execute("create table lake.shop_curated.sales as select 1 as n")
        connection.execute("insert into lake.shop_curated.sales values (2), (3)")
        connection.execute("commit")
        connection.execute("delete from lake.shop_curated.sales where n = 2")
        ledger.append(connection, [batch("s", "", "1", 1)])
        found = connection.execute(
            "select table_name, file_count, delete_file_count from ducklake_table_info('lake')"
            " where table_name in ('sales', 'batches') order by 1"
        ).fetchall()
    assert found == [("batches", 0, 0), ("sales", 2, 1)]


def test_last_publish_is_the_same_whoever_asks(lake: Lake) -> None:
    """The later epoch counts, whatever its clock says; within one the clock, then the order."""
    sales = DatasetName.parse("shop.curated.sales")
    with lake.get_connection() as connection:
        for row in (
            publish("epoch", "second", 7, NOON - timedelta(hours=1)),
            publish("epoch", "first", 3, NOON + timedelta(hours=1)),
            publish("clock", "late", 3, NOON + timedelta(seconds=1)),
            publish("clock", "early", 3, NOON),
            publish("order", "a", 3),
            publish("order", "bb", 3),
        ):
            ledger.append(connection, [row])
        expected = {"epoch": "second", "clock": "late", "order": "bb"}
        rows = {key: float(len(version)) for key, version in expected.items()}
        latest = ledger.latest(connection, sales)
        assert {key: row.data_version for key, row in latest.items()} == expected
        assert ledger.versions(connection, sales) == expected
        assert ledger.rows_before(connection, str(sales)) == rows
        shown = rows_of(connection, PARTITIONS, sales)
        assert {row["partition"]: row["data_version"] for row in shown} == expected
        counted = connection.execute(LATEST).fetchall()
        assert counted == [(str(sales), 3, NOON + timedelta(seconds=1), "order")]


def test_last_publish_of_an_earlier_snapshot_is_of_that_snapshot(lake: Lake) -> None:
    """What was published since then is not seen."""
    sales = DatasetName.parse("shop.curated.sales")
    with lake.get_connection() as connection:
        ledger.append(connection, [publish("day", "before", 1)])
        then = lake.snapshot(connection)
        ledger.append(connection, [publish("day", "after", 2)])
        assert ledger.latest(connection, sales, then)["day"].data_version == "before"
        assert ledger.latest(connection, sales)["day"].data_version == "after"
