"""The ledger remembers positions with versions, refuses a gap."""

from __future__ import annotations

import pytest

from tests.watermain.lake.ledger_rows import STREAM, batch
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
