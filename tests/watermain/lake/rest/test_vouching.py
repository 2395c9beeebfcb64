"""Checksums of data files commit with the files, by whatever transaction writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.faults import crew
from tests.watermain.engine.damaging import listed, verified
from tests.watermain.engine.shop import give, read, sales
from watermain.lake import branch
from watermain.lake.lake import Lake
from watermain.lake.ledger import CHECKSUMS
from watermain.lake.rest.checksum import Checksum, checksum_of
from watermain.lake.rest.inventory import inventory
from watermain.lake.rest.verification import record
from watermain.lake.rest.vouching import FIRST_SEEN, WRITTEN, Vouched, vouch, vouched

ROWS = [("a", 1, 1), ("b", 2, 2), ("c", 3, 3)]
NOW = datetime(2013, 1, 1, tzinfo=UTC)
SALE = "shop.curated.sales"


def known(lake: Lake) -> dict[str, Vouched]:
    with lake.get_connection() as connection:
        return vouched(connection)


def test_publish_vouches_for_rows_and_deletes(lake: Lake) -> None:
    """Each file that the snapshot lists has the sum of its bytes, with the writer's lease."""
    give(lake, sales(ROWS))
    give(lake, sales([("a", 1, 1), ("b", 2, 5)]), "2013-01-02", "2013-01-02")
    files = inventory(lake, [SALE])
    assert sorted(f.kind for f in files) == ["data", "data", "deletes"]
    found = known(lake)
    assert {f.file: checksum_of(f.path) for f in files} == {
        file: row.checksum for file, row in found.items()
    }
    assert {(row.dataset, row.origin) for row in found.values()} == {(SALE, WRITTEN)}
    assert sorted(row.epoch for row in found.values()) == [1, 2, 2]


def sell_then_fail(connection: duckdb.DuckDBPyConnection) -> None:
    """A block that changes its mind."""
    connection.execute(
        "insert into lake.shop_curated.sales select 'z' || range, timestamp '2013-01-09', 1, 'b'"
        " from range(900)"
    )
    raise ZeroDivisionError


def test_transaction_that_fails_vouches_for_nothing(lake: Lake) -> None:
    """A block that raises leaves neither file nor sum."""
    give(lake, sales(ROWS))
    before = known(lake)
    with (
        lake.fence.lease(SALE) as lease,
        lake.get_connection() as connection,
        pytest.raises(ZeroDivisionError),
        lake.transaction(connection, lease, "never"),
    ):
        sell_then_fail(connection)
    assert known(lake) == before


def test_file_that_a_transaction_took_back_has_no_sum(lake: Lake) -> None:
    """Rows that are inserted and all deleted again leave no file that is read."""
    give(lake, sales(ROWS))
    with (
        lake.fence.lease(SALE) as lease,
        lake.get_connection() as connection,
        lake.transaction(connection, lease, "to and fro") as written,
    ):
        insert = 'insert into lake.shop_curated.sales select id, "at", amount + {}, buyer'
        source = " from lake.shop_curated.sales where id = 'a'"
        connection.execute(insert.format(100) + source)
        written.sync()
        connection.execute("delete from lake.shop_curated.sales where amount > 50")
        connection.execute(insert.format(7) + source)
    files = {f.file for f in inventory(lake, [SALE])}
    assert {v.state for v in verified(lake, SALE)} == {"whole"}
    gone = [row for file, row in known(lake).items() if file not in files]
    assert all(Path(lake.folder, row.file).exists() for row in gone)


def gives_more() -> None:
    """Publish other amounts in the lake of the settings."""
    give(Lake.from_settings(), sales([("a", 1, 10), ("b", 2, 20), ("c", 3, 30)]))


@pytest.mark.parametrize(
    ("place", "happened"),
    [
        ("publish.after_stage", False),
        ("publish.before_sync", False),
        ("checksums.after_rows_before_commit", False),
        ("publish.before_commit", False),
        ("publish.after_commit", True),
    ],
)
def test_killed_writer_leaves_no_wrong_sum(lake: Lake, place: str, happened: bool) -> None:
    """Wherever it dies, every file that is read is whole, each with exactly one sum."""
    give(lake, sales(ROWS))
    crew.dies(gives_more, at=place)
    assert [amount for _, amount in read(lake)] == ([10, 20, 30] if happened else [1, 2, 3])
    assert {v.state for v in verified(lake, SALE)} == {"whole"}
    files = {f.file for f in inventory(lake, [SALE])}
    assert set(known(lake)) == files
    give(lake, sales([("a", 1, 7)]))
    assert {v.state for v in verified(lake, SALE)} == {"whole"}


def test_ledger_of_before_goes_on_working(lake: Lake) -> None:
    """A data folder, or a branch, of a release without checksums: its files are seen later."""
    with lake.get_connection() as connection:
        connection.execute(f"drop table {CHECKSUMS}")
        assert vouched(connection) == {}
    give(lake, sales(ROWS))
    found = verified(lake, SALE)
    assert [v.state for v in found] == ["not vouched for"]
    with lake.get_connection() as connection:
        record(lake, connection, found, run_id="test", now=NOW)
    assert {row.origin for row in known(lake).values()} == {FIRST_SEEN}
    give(lake, sales([("a", 1, 1)]))
    assert {v.state for v in verified(lake, SALE)} == {"whole"}


def test_of_several_words_the_writers_counts_then_the_first(lake: Lake) -> None:
    """A file never changes, so what was seen later is never truer."""
    sums = [Checksum(n, f"gmac:{n}") for n in range(4)]
    rows = [
        Vouched(SALE, "one", sums[0], FIRST_SEEN, 1, NOW),
        Vouched(SALE, "one", sums[1], WRITTEN, 1, NOW.replace(year=2014)),
        Vouched(SALE, "two", sums[2], FIRST_SEEN, 1, NOW),
        Vouched(SALE, "two", sums[3], FIRST_SEEN, 1, NOW.replace(year=2014)),
    ]
    with lake.get_connection() as connection:
        vouch(connection, rows)
        vouch(connection, [])
        found = vouched(connection, [SALE])
        assert vouched(connection, ["shop.curated.other"]) == {}
    assert {file: row.checksum for file, row in found.items()} == {"one": sums[1], "two": sums[2]}
    assert found["two"].vouched_at == NOW


def test_branch_has_the_lakes_sums_and_its_own(lake: Lake) -> None:
    """What the branch wrote is vouched for in the branch alone, under the same kind of path."""
    give(lake, sales(ROWS))
    branch.create(lake, "trial")
    trial = lake.on("trial")
    give(trial, sales([("a", 1, 9)]), "2013-01-01", "2013-01-01")
    assert {v.state for v in verified(trial)} == {"whole"}
    assert set(known(lake)) < set(known(trial))
    assert all(file.startswith("shop_curated/sales/") for file in known(trial))
    assert {f.path.startswith(trial.folder) for f in listed(trial)} == {True, False}


def test_concurrent_writers_vouch_for_their_own_files(lake: Lake) -> None:
    """Two datasets that are published at once: neither tells of the other's files."""
    give(lake, sales(ROWS))
    with (
        lake.fence.lease("shop.curated.refunds") as lease,
        lake.get_connection() as connection,
        lake.transaction(connection, lease, "slowly"),
    ):
        connection.execute("create table lake.shop_curated.refunds as select 1 as n")
        give(lake, sales([("a", 1, 5)]))
    with lake.get_connection() as connection:
        told: list[tuple[str, int]] = connection.execute(
            f"select dataset, count(*) from {CHECKSUMS} group by 1 order by 1"
        ).fetchall()
    of_sales = len(inventory(lake, [SALE]))
    assert told == [("shop.curated.refunds", 1), (SALE, of_sales)]
