"""The ledger remembers positions with versions, refuses a gap."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from platform_assets.declare import DatasetName
from platform_assets.declare.errors import LedgerGapError
from resources import ledger
from resources.lake import Lake

STREAM = DatasetName.parse("shop.raw.events")
NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)


def batch(shard: str, start: str, end: str, epoch: int) -> ledger.BatchRow:
    """One captured batch; all are committed at the same moment, so that the epoch decides."""
    return ledger.BatchRow(
        stream=str(STREAM),
        shard=shard,
        from_position=start,
        to_position=end,
        batch_id=f"{shard}{start}{end}",
        rows=1,
        quarantined=0,
        content_hash="",
        contract_version="1",
        epoch=epoch,
        run_id="run",
        committed_at=NOON,
        rows_in=1,
    )


def test_positions_are_the_latest_of_each_shard(lake: Lake) -> None:
    """A later epoch counts more than the text of a position."""
    with lake.get_connection() as connection:
        ledger.append(
            connection, [batch("a", "", "9", 1), batch("a", "9", "10", 2), batch("b", "", "3", 1)]
        )
        assert ledger.positions(connection, STREAM) == {"a": "10", "b": "3"}
        assert ledger.positions(connection, DatasetName.parse("shop.raw.others")) == {}


def test_positions_follow_the_commits_when_clocks_stand_still(lake: Lake) -> None:
    """Of batches of one epoch at one moment the last that was committed counts."""
    with lake.get_connection() as connection:
        for start, end in (("", "9"), ("9", "10"), ("10", "2")):
            ledger.append(connection, [batch("a", start, end, 1)])
            assert ledger.positions(connection, STREAM) == {"a": end}


def test_positions_are_where_the_chain_ends_whatever_clocks_say(lake: Lake) -> None:
    """A clock that was set back decides nothing, nor does the epoch or the order of the rows."""
    with lake.get_connection() as connection:
        chain = [batch("a", "2", "3", 1), batch("a", "", "1", 1), batch("a", "1", "2", 7)]
        later = replace(chain[1], committed_at=NOON + timedelta(hours=1))
        ledger.append(connection, [chain[0], later, chain[2]])
        assert ledger.positions(connection, STREAM) == {"a": "3"}


def test_positions_may_come_back(lake: Lake) -> None:
    """A chain that was somewhere before ends there again."""
    with lake.get_connection() as connection:
        for start, end in (("", "x"), ("x", "y"), ("y", "x"), ("x", "x")):
            ledger.append(connection, [batch("a", start, end, 1)])
            assert ledger.positions(connection, STREAM) == {"a": end}


def test_shard_with_two_ends_is_refused(lake: Lake) -> None:
    """A hole in a shard is no matter of choosing one side of it."""
    with lake.get_connection() as connection:
        ledger.append(connection, [batch("a", "", "1", 1), batch("a", "5", "6", 1)])
        with pytest.raises(LedgerGapError, match="shard a ends at '1' as well as at '6'"):
            ledger.positions(connection, STREAM)


def test_append_takes_more_rows_than_one_statement_holds(lake: Lake) -> None:
    """Rows are added in pieces, all of them."""
    rows = [batch(f"s{n}", "", str(n), 1) for n in range(250)]
    with lake.get_connection() as connection:
        ledger.append(connection, rows)
        ledger.append(connection, [])
        assert len(ledger.positions(connection, STREAM)) == 250


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
