"""Changes of real PostgreSQL tables, captured into a real lake, read through `latest_per_key`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa
import pytest

from tests.watermain.source.kinds import PostgresKind
from watermain.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    Postgres,
    dataset,
    latest_per_key,
    raw,
)
from watermain.declare.errors import BranchError, SourceError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake import branch
from watermain.lake.lake import Lake, table
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import load_settings
from watermain.source.opening import open_source

DAYS = Daily(start=date(2013, 1, 1))
SPAN = Span(DAYS, "2013-01-01", "2013-01-09")
LARGE = "toast" * 20_000
CONTRACT = Contract(
    grain="one row per version of a booking",
    key=("id",),
    event_time="at",
    columns=(
        Column("id", pa.int64(), "the booking"),
        Column("at", pa.timestamp("us"), "when"),
        Column("note", pa.string(), "what was said", nullable=True),
        Column("amount", pa.decimal128(12, 2), "how much", nullable=True),
    ),
)


def captured(name: str, contract: Contract = CONTRACT) -> Dataset:
    """A raw dataset over the source table of its name."""
    return raw(
        f"shop.raw.{name}",
        source=Postgres(connection="shop", table=f"public.{name}"),
        contract=contract,
        cadence=DAYS,
        owner="team:shop",
    )


bookings, refunds = captured("bookings"), captured("refunds")


@dataset(
    "shop.curated.standing",
    inputs={"changes": "shop.raw.bookings"},
    contract=CONTRACT,
    owner="team:shop",
    cadence=DAYS,
)
def standing(changes: ibis.Table) -> ibis.Table:
    """Keep the latest state of each booking."""
    return latest_per_key(changes, "id")


KNOWN = {d.name: d for d in (bookings, refunds, standing)}


class Shop:
    """Two tables on one publication, beside the lake that captures them."""

    def __init__(self, lake: Lake, source: PostgresKind) -> None:
        self.lake, self.source = lake, source
        self.job = Job(lake=lake, find=KNOWN.__getitem__)
        source.run("drop publication watermain", "create publication watermain")
        for name in ("bookings", "refunds"):
            source.run(
                f"create table {name} (id int primary key, at timestamp not null, note text,"
                " amount numeric(12, 2))",
                f"alter table {name} replica identity full",
                f"alter table {name} alter note set storage external",
                f"alter publication watermain add table {name}",
            )

    def book(self, *rows: tuple[int, int, str | None]) -> None:
        """Insert bookings, each with its day of January, in one transaction."""
        values = ", ".join(
            f"({id_}, '2013-01-{day:02} 10:00', {'null' if note is None else repr(note)}, 1.10)"
            for id_, day, note in rows
        )
        self.source.run(f"insert into bookings values {values}")

    def capture(self, dataset: Dataset = bookings) -> None:
        """Capture what waits, by the declared source, as a run does."""
        capture(dataset, self.job)

    def asked(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query against the lake."""
        with self.lake.get_connection() as connection:
            return connection.execute(query).fetchall()

    def captured(self, columns: str, dataset: Dataset = bookings) -> list[tuple[Any, ...]]:
        """What raw holds, in the order of the source."""
        ordered = f"(from {table(dataset.name)} order by _lsn, _seq)"
        return self.asked(f"select {columns} from {ordered}")

    def standing(self) -> list[tuple[Any, ...]]:
        """Publish the latest state of each booking; give it."""
        publish(standing, SPAN, self.job).refuse_blocked()
        return self.asked(
            f'select id, "at"::date::varchar, note from {table(standing.name)} order by id'
        )

    def held(self) -> list[tuple[Any, ...]]:
        """The bookings as their own database has them."""
        query = "select json_agg(json_build_array(id, at::date, note) order by id) from bookings"
        found = self.source.one(query)
        assert found is None or isinstance(found, list)
        return [tuple(row) for row in found or []]


@pytest.fixture
def shop(lake: Lake, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop whose first bookings the lake has."""
    postgres.ensure_database("shop")
    dsn = postgres.dsn("shop")
    monkeypatch.setenv("WATERMAIN_SOURCE_SHOP", dsn)
    kind = PostgresKind(dsn, load_settings().home / "scratch")
    made = Shop(lake, kind)
    made.book((1, 1, LARGE), (2, 2, "small"), (3, 3, None))
    made.capture()
    yield made
    kind.drop_slots()
    kind.run("drop publication watermain", "drop schema public cascade", "create schema public")


def test_snapshot_reads_like_the_table(shop: Shop) -> None:
    """The lake shows what the source held."""
    assert shop.standing() == shop.held()


@pytest.mark.parametrize(
    "update",
    [
        "amount = 2.20",
        "id = 9",
        "at = '2013-01-04 10:00'",
        "id = 9, at = '2013-01-04 10:00'",
        "amount = null",
    ],
)
def test_unchanged_large_value_reads_whole_whatever_else_was_updated(
    shop: Shop, update: str
) -> None:
    """A value that the server does not send again is never null, in raw nor after it."""
    shop.standing()
    shop.source.run(f"update bookings set {update} where id = 1")
    shop.capture()
    assert shop.asked(
        f"select count(*) from {table(bookings.name)} where note is null and id in (1, 9)"
    ) == [(0,)]
    assert next(row[2] for row in shop.standing() if row[0] in (1, 9)) == LARGE
    assert shop.standing() == shop.held()


def test_large_value_that_became_null_is_null(shop: Shop) -> None:
    """What was set to null is told apart from what was left alone."""
    shop.source.run("update bookings set note = null where id = 1")
    shop.capture()
    assert shop.captured("_op, note")[-1] == ("u", None)
    assert shop.standing() == shop.held()


def test_key_changes_leave_no_row_under_the_old_key(shop: Shop) -> None:
    """Keys that move, swap, or are taken over again end where the source has them."""
    shop.standing()
    shop.source.run(
        "begin; update bookings set id = 10 where id = 1; update bookings set id = 1 where id = 2;"
        " update bookings set id = 2 where id = 10; commit",
        "update bookings set id = 30 where id = 3",
    )
    shop.book((3, 5, "anew"))
    shop.capture()
    assert shop.standing() == shop.held()
    assert [(row[0], row[2]) for row in shop.held()] == [
        (1, "small"),
        (2, LARGE),
        (3, "anew"),
        (30, None),
    ]


def test_truncate_empties_every_partition_then_rows_begin_anew(shop: Shop) -> None:
    """A truncate between changes of one transaction takes what came before it only."""
    shop.standing()
    shop.source.run(
        "begin; insert into bookings values (4, '2013-01-04', 'gone'); truncate bookings, refunds;"
        " insert into bookings values (2, '2013-01-06', 'anew'); commit"
    )
    shop.capture()
    assert shop.standing() == shop.held() == [(2, "2013-01-06", "anew")]


def test_tables_of_one_publication_are_captured_side_by_side(shop: Shop) -> None:
    """Each dataset has a slot of its own; none takes the rows or the place of another."""
    shop.capture(refunds)
    shop.source.run(
        "begin; insert into bookings values (7, '2013-01-07', 'b');"
        " insert into refunds values (7, '2013-01-07', 'r'); commit",
        "insert into refunds values (8, '2013-01-08', 'r')",
        "truncate bookings",
    )
    for _ in range(2):
        shop.capture()
        shop.capture(refunds)
    assert shop.captured("id, _op", refunds) == [(7, "i"), (8, "i")]
    assert (7, "i") in shop.captured("id, _op")
    assert shop.standing() == []
    (both,) = shop.asked(
        f"select count(distinct _xid) from (from {table(bookings.name)} where _op = 'i' union all"
        f" by name from {table(refunds.name)} where id = 7)"
    )
    assert both == (1,)
    assert sorted(shop.source.slots()) == [
        "watermain_shop_raw_bookings_1",
        "watermain_shop_raw_refunds_1",
    ]


def test_transaction_is_in_one_batch_of_the_ledger(shop: Shop, monkeypatch: Any) -> None:
    """However small a batch may be, no transaction lies in two."""
    monkeypatch.setenv("WATERMAIN_BATCH_ROWS", "2")
    for first in (100, 200, 300):
        shop.source.run(
            f"insert into bookings select {first} + g, '2013-01-05', 'n'"
            " from generate_series(1, 50) g"
        )
    shop.capture()
    batches = shop.asked(
        f"select count(distinct _batch_id), count(*) from {table(bookings.name)}"
        " where _op = 'i' group by _xid"
    )
    assert batches == [(1, 50)] * 3


def test_lost_slot_reads_the_table_anew_by_itself(shop: Shop) -> None:
    """What was deleted while nobody listened is gone from the lake, too."""
    shop.standing()
    shop.source.drop_slots()
    shop.source.run("delete from bookings where id = 2", "update bookings set amount = 9")
    shop.book((4, 4, "new"))
    shop.capture()
    assert shop.standing() == shop.held()
    assert list(shop.source.slots()) == ["watermain_shop_raw_bookings_2"]


def test_recreated_slot_stops_the_capture_until_somebody_decides(shop: Shop) -> None:
    """Nothing is captured around the hole; the error names the way out, which works."""
    shop.source.drop_slots()
    shop.book((4, 4, "in the hole"))
    slot = "watermain_shop_raw_bookings_1"
    shop.source.run(f"select pg_create_logical_replication_slot('{slot}', 'pgoutput')")
    shop.book((5, 5, "after"))
    before = shop.captured("id")
    with pytest.raises(SourceError, match="past the ledger's") as refused:
        shop.capture()
    assert shop.captured("id") == before
    shop.source.run(refused.value.next.removeprefix("to read the table anew: "))
    shop.capture()
    assert shop.standing() == shop.held()


def test_columns_may_be_added_while_capturing(shop: Shop) -> None:
    """Rows go on; the new column waits for its declaration, then is null for older rows."""
    shop.source.run("alter table bookings add column gate text default 'A1'")
    shop.book((4, 4, "n"))
    shop.capture()
    assert shop.standing() == shop.held()
    shop.book((5, 5, "before"))
    shop.source.run(
        "alter table bookings add column seat int",
        "insert into bookings values (6, '2013-01-06', 'after', 1, 'B2', 11)",
    )
    seat = Column("seat", pa.int64(), "where")
    columns = (*CONTRACT.columns, seat)
    wider = captured("bookings", replace(CONTRACT, columns=columns))
    capture(wider, replace(shop.job, find={**KNOWN, wider.name: wider}.__getitem__))
    assert shop.captured("id, note, seat")[-2:] == [(5, "before", None), (6, "after", 11)]
    assert shop.captured("count(*)") == [(6,)]


def test_column_taken_away_while_capturing_stops_before_the_first_row_without_it(
    shop: Shop,
) -> None:
    """Rows before are kept; rows after wait at the source until somebody decides."""
    shop.book((4, 4, "before"))
    shop.source.run("alter table bookings rename column note to remark")
    shop.source.run("insert into bookings (id, at) values (5, '2013-01-05')")
    with pytest.raises(SourceError, match="has no column `note`; it has id, at, remark, amount"):
        shop.capture()
    shop.source.run("alter table bookings rename column remark to note")
    with pytest.raises(SourceError, match="has no column `note`; it has id, at, ") as refused:
        shop.capture()
    assert shop.captured("id, _op")[-1] == (4, "i")
    shop.source.run(refused.value.next.partition("to read it anew: ")[2])
    shop.capture()
    assert shop.standing() == shop.held()


def test_table_made_anew_is_read_anew_after_somebody_decides(shop: Shop) -> None:
    """Rows of a dropped table, whose end the server does not tell, do not linger unseen."""
    shop.standing()
    shop.source.run(
        "alter table bookings rename to old_bookings",
        "create table bookings (like old_bookings including all)",
        "alter table bookings replica identity full",
        "alter publication watermain add table bookings",
    )
    shop.book((2, 2, "kept"))
    with pytest.raises(SourceError, match="is not the table") as refused:
        shop.capture()
    shop.source.run(refused.value.next.partition("to read the table anew: ")[2])
    shop.capture()
    assert shop.standing() == shop.held() == [(2, "2013-01-02", "kept")]


def test_column_retyped_while_capturing_keeps_every_row(shop: Shop) -> None:
    """Values that still fit are kept; those that do not are put aside with the reason."""
    shop.book((4, 4, "exact"))
    shop.source.run(
        "alter table bookings alter amount type text using amount::text",
        "insert into bookings values (5, '2013-01-05', 'fits', '2.50'),"
        " (6, '2013-01-06', 'does not', 'free')",
    )
    shop.capture()
    assert shop.captured("id, amount")[-2:] == [(4, Decimal("1.10")), (5, Decimal("2.50"))]
    assert shop.asked("select reason, payload from lake.upkeep_raw.quarantine")[0][0] == (
        "`amount` is not decimal128(12, 2)"
    )
    assert shop.asked("select sum(rows), sum(quarantined) from lake.upkeep_raw.batches") == [(5, 1)]


def test_declared_source_tells_what_the_server_keeps_for_it(shop: Shop) -> None:
    """The log that the slot holds back is a number, even when no row of ours waits in it."""
    backlog = open_source(bookings, load_settings(), {}).backlog()
    assert (backlog.rows, backlog.is_empty) == (0, True)
    before = backlog.bytes or 0
    shop.source.run(
        "insert into refunds select g, '2013-01-01', repeat('x', 100)"
        " from generate_series(1, 2000) g"
    )
    after = open_source(bookings, load_settings(), {}).backlog()
    assert (after.rows, after.is_empty) == (0, True)
    assert (after.bytes or 0) - before > 200_000


def test_branch_captures_nothing(shop: Shop) -> None:
    """A source has one position, so the lake alone follows it."""
    branch.create(shop.lake, "trial")
    job = Job(lake=shop.lake.on("trial"), find=KNOWN.__getitem__)
    with pytest.raises(BranchError, match="cannot be captured into the branch `trial`"):
        capture(bookings, job)
    shop.capture(bookings)
    assert shop.captured("count(*)")[0][0] > 0
