"""The ledger remembers positions with versions, refuses a gap."""

from __future__ import annotations

import pytest

from platform_assets.declare.errors import LedgerGapError
from resources import ledger
from resources.lake import Lake
from tests.resources.ledger_rows import STREAM, batch


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
