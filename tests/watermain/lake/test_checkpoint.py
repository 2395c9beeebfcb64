"""Where a stream stands is told by its chain of batches, from a checkpoint on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random

import duckdb
import pytest

from tests.watermain.lake.ledger_rows import NOON, STREAM, batch
from watermain.cli.look.facts import positions as positions_shown
from watermain.declare import DatasetName
from watermain.declare.errors import LedgerGapError
from watermain.lake import checkpoint, ledger
from watermain.lake.lake import Lake

KEPT = "watermain.checkpoint"


def positions(connection: duckdb.DuckDBPyConnection, stream: DatasetName) -> dict[str, str]:
    """The last position of each shard."""
    return {shard: end.position for shard, end in checkpoint.ends(connection, stream).items()}


def three_batches(connection: duckdb.DuckDBPyConnection) -> None:
    """Append batches one after the other, then ask where they end."""
    for start, end in pairwise(("", "1", "2", "3")):
        ledger.append(connection, [batch("a", start, end)])
    assert positions(connection, STREAM) == {"a": "3"}


def kept(connection: duckdb.DuckDBPyConnection, words: str) -> list[tuple[object, ...]]:
    """What the catalog says of checkpoints."""
    return connection.execute(
        f"from postgres_query('__ducklake_metadata_lake', 'select {words} from {KEPT}')"
    ).fetchall()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a checkpoint after three batches."""
    monkeypatch.setattr(checkpoint, "EVERY", 3)
    monkeypatch.setattr(checkpoint, "_TO_A_SHARD", 1)


def test_positions_are_the_latest_of_each_shard(lake: Lake) -> None:
    """A later epoch counts more than the text of a position."""
    with lake.get_connection() as connection:
        ledger.append(
            connection, [batch("a", "", "9", 1), batch("a", "9", "10", 2), batch("b", "", "3", 1)]
        )
        assert positions(connection, STREAM) == {"a": "10", "b": "3"}
        assert positions(connection, DatasetName.parse("shop.raw.others")) == {}


def test_positions_follow_the_commits_when_clocks_stand_still(lake: Lake) -> None:
    """Of batches of one epoch at one moment the last that was committed counts."""
    with lake.get_connection() as connection:
        for start, end in (("", "9"), ("9", "10"), ("10", "2")):
            ledger.append(connection, [batch("a", start, end, 1)])
            assert positions(connection, STREAM) == {"a": end}


def test_positions_are_where_the_chain_ends_whatever_clocks_say(lake: Lake) -> None:
    """A clock that was set back decides nothing, nor does the epoch or the order of the rows."""
    with lake.get_connection() as connection:
        chain = [batch("a", "2", "3", 1), batch("a", "", "1", 1), batch("a", "1", "2", 7)]
        later = replace(chain[1], committed_at=NOON + timedelta(hours=1))
        ledger.append(connection, [chain[0], later, chain[2]])
        assert positions(connection, STREAM) == {"a": "3"}


def test_positions_may_come_back(lake: Lake) -> None:
    """A chain that was somewhere before ends there again."""
    with lake.get_connection() as connection:
        for start, end in (("", "x"), ("x", "y"), ("y", "x"), ("x", "x")):
            ledger.append(connection, [batch("a", start, end, 1)])
            assert positions(connection, STREAM) == {"a": end}


def test_shard_with_two_ends_is_refused(lake: Lake) -> None:
    """A hole in a shard is no matter of choosing one side of it."""
    with lake.get_connection() as connection:
        ledger.append(connection, [batch("a", "", "1", 1), batch("a", "5", "6", 1)])
        with pytest.raises(LedgerGapError, match="shard a ends at '1' as well as at '6'"):
            positions(connection, STREAM)


def test_people_are_told_of_both_ends(lake: Lake) -> None:
    """What refuses the next capture is shown; nothing is kept for whoever captures."""
    with lake.get_connection() as connection:
        ledger.append(
            connection,
            [batch("a", "", "1"), batch("a", "1", "2"), batch("a", "1", "3"), batch("b", "", "9")],
        )
        assert checkpoint.stands(connection, STREAM) == [("a", "2"), ("a", "3"), ("b", "9")]
        shown = positions_shown(connection, STREAM)
        assert [(row["shard"], row["position"]) for row in shown] == [
            ("a", "2"), ("a", "3"), ("b", "9")
        ]  # fmt: skip
        assert [row["batches"] for row in shown] == [3, 3, 1]
        assert kept(connection, "count(*)") == [(0,)]


def grown(seed: int) -> Iterator[ledger.BatchRow]:
    """Batches of three shards as chance has them: some empty, clocks that go back."""
    chance, at = Random(seed), {"a": "", "b": "", "c": ""}
    for number in range(40):
        shard = chance.choice("aaaabbc")
        end = chance.choice([str(number), str(number), "again", at[shard] or "0"])
        at_most = NOON + timedelta(hours=number)
        yield replace(
            batch(shard, at[shard], end),
            rows=(rows := chance.choice([0, 1, 5])),
            newest_at=at_most if rows else None,
            watermark_at=chance.choice([None, NOON + timedelta(minutes=number)]),
            committed_at=NOON + timedelta(seconds=chance.randrange(100)),
        )
        at[shard] = end


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("seed", range(3))
def test_from_a_checkpoint_as_from_the_whole_ledger(lake: Lake, seed: int) -> None:
    """After each batch the ends are those of a reader that sums up every batch itself."""
    shards: dict[str, checkpoint.End] = {}
    snapshots = set()
    with lake.get_connection() as connection:
        for row in grown(seed):
            ledger.append(connection, [row])
            was = shards.get(row.shard, checkpoint.End("", None, None, None))
            seen = row.committed_at if row.newest_at else None
            shards[row.shard] = checkpoint.End(
                row.to_position,
                max(filter(None, (was.newest_at, row.newest_at)), default=None),
                max(filter(None, (was.seen_at, seen)), default=None),
                max(filter(None, (was.watermark_at, row.watermark_at)), default=None),
            )
            found = checkpoint.ends(connection, STREAM)
            assert found == shards
            snapshots.update(kept(connection, "snapshot"))
    assert len(snapshots) >= 4


@pytest.mark.usefixtures("often")
def test_only_batches_after_the_checkpoint_are_read(lake: Lake) -> None:
    """What it says is believed; of the ledger before it nothing is looked at."""
    with lake.get_connection() as connection:
        three_batches(connection)
        connection.execute(
            "call postgres_execute('__ducklake_metadata_lake',"
            f" 'update {KEPT} set ends = replace(ends, ''\"3\"'', ''\"7\"'')')"
        )
        assert positions(connection, STREAM) == {"a": "7"}
        ledger.append(connection, [batch("a", "7", "8")])
        assert positions(connection, STREAM) == {"a": "8"}
        ledger.append(connection, [batch("a", "9", "10")])
        with pytest.raises(LedgerGapError, match="shard a ends at '10' as well as at '8'"):
            positions(connection, STREAM)


@pytest.mark.usefixtures("often")
def test_positions_of_any_text_are_kept(lake: Lake) -> None:
    """Quotes, braces, what JSON escapes, what SQL ends a text with."""
    odd = 'it\'s "odd" {x} \\ \u00e9 %s \n $$'
    with lake.get_connection() as connection:
        for start, end in (("", "1"), ("1", "2"), ("2", odd)):
            ledger.append(connection, [batch(odd, start, end)])
        assert positions(connection, STREAM) == {odd: odd}
        assert json.loads(str(kept(connection, "ends")[0][0]))[0]["position"] == odd
        assert positions(connection, STREAM) == {odd: odd}


@pytest.mark.usefixtures("often")
def test_checkpoint_of_another_ledger_is_none(lake: Lake) -> None:
    """A ledger made anew begins with nothing."""
    with lake.get_connection() as connection:
        three_batches(connection)
        connection.execute(f"drop table {ledger.BATCHES}")
        ledger.create(connection)
        assert positions(connection, STREAM) == {}
        ledger.append(connection, [batch("a", "", "1")])
        assert positions(connection, STREAM) == {"a": "1"}


@pytest.mark.usefixtures("often")
def test_all_is_read_where_snapshots_expired(lake: Lake) -> None:
    """What came after the checkpoint cannot be told apart any more, thus all of it is read."""
    with lake.get_connection() as connection:
        three_batches(connection)
        for n in range(3, 5):
            ledger.append(connection, [batch("a", str(n), str(n + 1))])
        connection.execute("call ducklake_expire_snapshots('lake', older_than => now())")
        assert positions(connection, STREAM) == {"a": "5"}


@pytest.mark.usefixtures("often")
def test_checkpoint_saves_nothing_where_each_batch_is_a_shard(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are shards of their own: their checkpoint would be as long as the ledger."""
    monkeypatch.setattr(checkpoint, "_TO_A_SHARD", 4)
    with lake.get_connection() as connection:
        ledger.append(connection, [batch(f"s{n}", "", "1") for n in range(9)])
        assert len(positions(connection, STREAM)) == 9
        assert kept(connection, "stream") == []
