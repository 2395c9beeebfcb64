"""What became of files is told exactly, whatever the damage."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults import crew
from tests.watermain.engine.damaging import DAMAGES, SALES, cut, flip, listed, verified
from tests.watermain.engine.shop import give, read, sales
from watermain.lake.lake import Lake
from watermain.lake.ledger import CHECKSUMS, VERIFICATIONS
from watermain.lake.rest.inventory import below, inventory, spread
from watermain.lake.rest.verification import DAMAGED, UNVOUCHED, WHOLE, last_verified, record

ROWS = [("a", 1, 1), ("b", 2, 2), ("c", 3, 3)]
NOW = datetime(2013, 2, 1, tzinfo=UTC)


def many(count: int) -> list[tuple[str, int, int]]:
    """Sales of three days, with values that fill a dictionary, or pages of plain numbers."""
    return [(f"s{n}", 1 + n % 3, n * n % 1009) for n in range(count)]


def states(lake: Lake) -> list[tuple[str, str]]:
    return [(v.state, v.why) for v in verified(lake)]


def test_forty_flipped_bits_are_seen(lake: Lake) -> None:
    """Anywhere in a large file, in a small one, in one of deletes; one at a time, then mended."""
    give(lake, sales(many(3000)))
    give(lake, sales(many(1500)), "2013-01-02", "2013-01-02")
    files = inventory(lake, [SALES])
    assert [f.kind for f in files].count("deletes") == 1
    chance, seen = random.Random(13), 0
    for number in range(40):
        chosen = files[number % len(files)]
        bit = chance.randrange(chosen.bytes * 8)
        flip(chosen.path, bit)
        broken = [v for v in verified(lake) if v.state == DAMAGED]
        seen += [(v.listed, v.why) for v in broken] == [
            (chosen, "its bytes are not those that were written")
        ]
        flip(chosen.path, bit)
    assert seen == 40
    assert {v.state for v in verified(lake)} == {WHOLE}


def keeps_what_it_finds() -> None:
    """Verify the lake of the settings."""
    lake = Lake.from_settings()
    with lake.get_connection() as connection:
        record(lake, connection, verified(lake), run_id="killed", now=NOW)


def test_killed_verification_vouches_for_nothing(lake: Lake) -> None:
    """What it found is kept whole, with the sums of files seen first, or not at all."""
    give(lake, sales(ROWS))
    with lake.get_connection() as connection:
        connection.execute(f"delete from {CHECKSUMS}")
    crew.dies(keeps_what_it_finds, at="verify.after_rows_before_commit")
    assert {v.state for v in verified(lake)} == {UNVOUCHED}
    with lake.get_connection() as connection:
        assert last_verified(connection) == {}
        record(lake, connection, verified(lake), run_id="again", now=NOW)
    assert {v.state for v in verified(lake)} == {WHOLE}


@pytest.mark.parametrize("place", ["first magic", "last magic", "footer length", "footer"])
def test_flip_in_what_holds_a_file_together_is_seen(lake: Lake, place: str) -> None:
    """The magic words, the footer with its length."""
    give(lake, sales(ROWS))
    (file,) = listed(lake)
    byte = {"first magic": 0, "last magic": -1, "footer length": -8, "footer": -30}[place]
    flip(file.path, (byte % file.bytes) * 8)
    assert states(lake) == [(DAMAGED, "its bytes are not those that were written")]


@pytest.mark.parametrize("name", DAMAGES)
def test_other_damage_is_named(lake: Lake, name: str) -> None:
    """A missing file still counts in the engine, by metadata alone; here it is seen."""
    give(lake, sales(ROWS))
    (file,) = listed(lake)
    damage, why = DAMAGES[name]
    damage(Path(file.path))
    assert states(lake) == [(DAMAGED, why)]
    with lake.get_connection() as connection:
        counted = connection.execute("select count(*) from lake.shop_curated.sales").fetchone()
    assert counted == (3,)


def test_files_that_changed_places_are_both_seen(lake: Lake) -> None:
    """So is an older file under the name of a newer one of the same length."""
    give(lake, sales(ROWS))
    give(lake, sales([("a", 1, 3), ("b", 2, 2), ("c", 3, 1)]))
    old, new = sorted((f for f in inventory(lake) if f.kind == "data"), key=lambda f: f.begun)
    assert old.bytes == new.bytes
    kept = Path(new.path).read_bytes()
    shutil.copy(old.path, new.path)
    assert read(lake) == [("a", 1), ("b", 2), ("c", 3)]  # without a word
    broken = [v.listed for v in verified(lake) if v.state == DAMAGED]
    assert broken == [new]
    Path(old.path).write_bytes(kept)
    assert {v.listed.file for v in verified(lake) if v.state == DAMAGED} == {old.file, new.file}


def unvouch(lake: Lake) -> None:
    """Make the ledger as a release without checksums left it."""
    with lake.get_connection() as connection:
        connection.execute(f"delete from {CHECKSUMS}")


def test_file_without_a_sum_is_first_seen_never_good(lake: Lake) -> None:
    """It is told as not vouched for; what is recorded says when it was first seen."""
    give(lake, sales(ROWS))
    unvouch(lake)
    (found,) = verified(lake)
    assert (found.state, found.why) == (UNVOUCHED, "")
    with lake.get_connection() as connection:
        record(lake, connection, [found], run_id="test", now=NOW)
        rows = connection.execute(
            f"select dataset, file, bytes, checksum, origin, vouched_at from {CHECKSUMS}"
        ).fetchall()
        kept = connection.execute(
            f"select dataset, file, snapshot, last_snapshot, state, why, run_id, verified_at"
            f" from {VERIFICATIONS}"
        ).fetchall()
        assert last_verified(connection) == {found.listed.file: NOW}
    assert found.checksum is not None
    file = found.listed.file
    assert rows == [(SALES, file, 594, found.checksum.text, "first seen", NOW)]
    assert kept == [(SALES, file, found.listed.begun, None, UNVOUCHED, "", "test", NOW)]
    assert [v.state for v in verified(lake, SALES)] == [WHOLE]
    flip(found.listed.path, 999)
    assert [v.state for v in verified(lake, SALES)] == [DAMAGED]


def test_file_without_a_sum_that_is_wrong_by_itself_is_damaged(lake: Lake) -> None:
    """Its length, its form, its count of rows are the catalog's, or nothing is trusted."""
    give(lake, sales(ROWS))
    give(lake, sales([("a", 1, 1)]))
    unvouch(lake)
    old, new = sorted((f for f in inventory(lake) if f.kind == "data"), key=lambda f: f.begun)
    cut(Path(old.path))
    flip(new.path, 0)
    flip(new.path, (new.bytes - 1) * 8)
    whys = {v.listed.file: v.why for v in verified(lake) if v.state == DAMAGED}
    assert whys[old.file] == f"it holds {old.bytes - 1} bytes, {old.bytes} were written"
    assert whys[new.file].startswith("it is no Parquet file: ")


def test_file_of_another_count_of_rows_is_not_trusted(lake: Lake) -> None:
    """Two files of one length, each under the other's name."""
    give(lake, sales([("aa", 1, 1)]))
    give(lake, sales([("a", 2, 1), ("b", 2, 1)]), "2013-01-02", "2013-01-02")
    unvouch(lake)
    one, two = listed(lake)
    size = max(one.bytes, two.bytes)
    held = Path(two.path).read_bytes()
    assert size == two.bytes
    Path(one.path).write_bytes(held)
    (found,) = [v for v in verified(lake) if v.listed == one]
    assert found.state == DAMAGED
    assert found.why.startswith("it holds ")


def test_damage_is_not_remembered_as_verified(lake: Lake) -> None:
    """What is damaged is looked at again in the next slice."""
    give(lake, sales(ROWS))
    flip(listed(lake)[0].path, 77)
    found = verified(lake)
    with lake.get_connection() as connection:
        record(lake, connection, found, run_id="test", now=NOW, partitions={})
        record(lake, connection, [], run_id="test", now=NOW)
        assert last_verified(connection) == {}
        connection.execute(f"drop table {VERIFICATIONS}")
        assert last_verified(connection) == {}
        record(lake, connection, found, run_id="test", now=NOW)
        kept = connection.execute(f"select state, why from {VERIFICATIONS}").fetchall()
    assert kept == [(DAMAGED, "its bytes are not those that were written")]


def test_inventory_lists_what_each_snapshot_reads(lake: Lake) -> None:
    """Files that ended are listed until the catalog forgets them; of a snapshot only its own."""
    give(lake, sales(ROWS))
    with lake.get_connection() as connection:
        then = lake.snapshot(connection)
    give(lake, sales([("a", 1, 7)]))
    give(lake, sales(ROWS, name="refunds"))
    of_then = inventory(lake, snapshot=then)
    assert [(f.dataset, f.kind, f.rows) for f in of_then] == [(SALES, "data", 3)]
    assert of_then[0].ended is not None
    assert not of_then[0].is_read
    assert {f.dataset for f in inventory(lake)} == {SALES, "shop.curated.refunds"}
    assert {f.rows for f in listed(lake)} == {1}
    assert inventory(lake, ["shop.curated.none"]) == []
    assert all(below(lake, f.path) == f.file for f in inventory(lake))
    assert below(lake, "/elsewhere/file") == "/elsewhere/file"
    assert spread(lake, listed(lake, "shop.curated.refunds"), "at") == {
        listed(lake, "shop.curated.refunds")[0].number: (
            "2013-01-01 12:00:00",
            "2013-01-03 12:00:00",
        )
    }
