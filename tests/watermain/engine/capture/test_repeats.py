"""Rows that come again are left out, counted, whatever way they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.watermain.engine.feed import Feed
from watermain.declare import Column, Contract, Daily, Dataset, Files, Kafka, Postgres, raw
from watermain.declare.errors import ContradictoryContractError, InvalidDeclarationError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publish import Job
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.source.protocol import REJECTED, Batch

DAY = timedelta(days=1)
CONTRACT = Contract(
    grain="one row per event",
    key=("id", "part"),
    event_time="at",
    repeats_within=DAY,
    columns=(
        Column("id", pa.string(), "the event"),
        Column("part", pa.int32(), "of the event"),
        Column("at", pa.timestamp("us", "UTC"), "when"),
        Column("word", pa.string(), "what"),
    ),
)
events = raw(
    "shop.raw.events",
    source=Files(connection="drop", pattern="*.csv", format="csv"),
    contract=CONTRACT,
    cadence=Daily(),
    owner="team:shop",
)
COUNTS = "rows_in, rows, quarantined, repeated"
Row = tuple[str | None, str | None, str | None, str | None]


def of(lake: Lake) -> Job:
    """The way a run captures."""
    return Job(lake=lake, find={events.name: events}.__getitem__)


def batch(start: str, end: str, rows: Sequence[Row], **words: Any) -> Batch:
    """A batch of a file's rows: id, part, at, word."""
    names = (*CONTRACT.schema.names, "_file", "_file_hash", "_row", "_delivered_at")
    filled = [(*r, "f", "h", str(n), "2013-01-01 00:00:00+00") for n, r in enumerate(rows)]
    columns = zip(*filled, strict=True) if filled else [[]] * len(names)
    arrays = [pa.array(list(c), pa.string()) for c in columns]
    return Batch(
        shard="s", start=start, end=end, rows=pa.table(dict(zip(names, arrays, strict=True))),
        **words,
    )  # fmt: skip


def captured(lake: Lake, dataset: Dataset, *batches: Batch) -> list[tuple[Any, ...]]:
    """The counts of the batches, in the order of their commits."""
    capture(dataset, of(lake), source=Feed(*batches))
    return asked(lake, f"select {COUNTS} from {ledger.BATCHES} order by committed_at, rowid")


def asked(lake: Lake, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with lake.get_connection() as connection:
        return connection.execute(query).fetchall()


def test_repeats_are_left_out_counted(lake: Lake) -> None:
    """In a batch, over batches: the first of a key stays, each row read is accounted for."""
    at = "2013-01-02 10:00:00+00"
    first = batch(
        "", "1",
        [("a", "1", at, "first"), ("a", "1", at, "again"), ("a", "2", at, "other part"),
         ("a", "x", at, "no part"), ("a", "x", at, "no part either")],
    )  # fmt: skip
    second = batch(
        "1", "2", [("a", "1", at, "later"), ("b", "1", at, "new"), ("a", "2", at, "later")]
    )
    third = batch("2", "3", [("b", "1", at, "once more")])
    assert captured(lake, events, first, second, third) == [
        (5, 2, 2, 1),
        (3, 1, 0, 2),
        (1, 0, 0, 1),
    ]
    assert asked(lake, f"select id, part, word from {table(events.name)} order by all") == [
        ("a", 1, "first"),
        ("a", 2, "other part"),
        ("b", 1, "new"),
    ]
    published = asked(lake, f"select partition, rows_out from {ledger.PUBLISHES} order by all")
    assert published == [("2013-01-02", 1), ("2013-01-02", 2)]


def test_what_the_source_left_out_counts_too(lake: Lake) -> None:
    """Rows that a source gave again, rows it could not read are part of what was read."""
    unread = pa.Table.from_pylist([{"position": "9", "reason": "r", "payload": "p"}], REJECTED)
    held = batch("", "1", [("a", "1", "2013-01-02", "x")], rejected=unread, repeated=3)
    assert captured(lake, events, held) == [(5, 1, 1, 3)]


@pytest.mark.parametrize(
    ("within", "left"), [(DAY, 1), (timedelta(0), 0), (30 * DAY, 2), (timedelta.max, 2)]
)
def test_only_what_is_promised_is_searched(lake: Lake, within: timedelta, left: int) -> None:
    """A key further away than the promise is not looked for; without a promise, everywhere."""
    dataset = replace(events, contract=replace(CONTRACT, repeats_within=within))
    old = batch("", "1", [("far", "1", "2013-01-01", ""), ("near", "1", "2013-01-19", "")])
    new = batch("1", "2", [("far", "1", "2013-01-20", ""), ("near", "1", "2013-01-20", "")])
    assert captured(lake, dataset, old, new)[1] == (2, 2 - left, 0, left)


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")])
def test_event_times_of_each_kind_at_the_ends_of_the_calendar(
    lake: Lake, kind: pa.DataType
) -> None:
    """A search that would reach beyond the calendar reaches to its end."""
    columns = tuple(replace(c, type=kind) if c.name == "at" else c for c in CONTRACT.columns)
    dataset = replace(events, cadence=None, contract=replace(CONTRACT, columns=columns))
    ends = [("a", "1", "0001-01-01", ""), ("b", "1", "9999-12-31", "")]
    again = [*ends, ("c", "1", "2013-01-01", "")]
    assert captured(lake, dataset, batch("", "1", ends), batch("1", "2", again)) == [
        (2, 2, 0, 0),
        (3, 1, 0, 2),
    ]


def test_without_the_word_every_row_stays(lake: Lake) -> None:
    """Keys repeat in raw when the contract does not say otherwise."""
    dataset = replace(events, contract=replace(CONTRACT, repeats_within=None))
    rows = [("a", "1", "2013-01-02", "x")] * 3
    assert captured(lake, dataset, batch("", "1", rows)) == [(3, 3, 0, 0)]


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(st.integers(0, 8), max_size=12), min_size=1, max_size=4))
def test_any_cut_into_batches_keeps_each_key_once(lake: Lake, cuts: list[list[int]]) -> None:
    """However repeats fall into batches, raw ends as a set; the counts add up."""
    with lake.get_connection() as connection:
        connection.execute(f"drop table if exists {table(events.name)}")
        connection.execute(f"delete from {ledger.BATCHES}")
    batches = [
        batch(str(n or ""), str(n + 1), [(str(i), "1", f"2013-01-0{1 + i}", "") for i in cut])
        for n, cut in enumerate(cuts)
    ]
    dataset = replace(events, contract=replace(CONTRACT, repeats_within=timedelta(0)))
    counts = captured(lake, dataset, *batches)
    every = [i for cut in cuts for i in cut]
    assert all(read == kept + aside + again for read, kept, aside, again in counts)
    assert sum(c[0] for c in counts) == len(every)
    held = asked(lake, f"select id::int from {table(events.name)} order by 1")
    assert held == [(i,) for i in sorted(set(every))]


@pytest.mark.parametrize(
    ("within", "event_time", "said"),
    [
        (-DAY, "at", "repeats_within -1 day, 0:00:00 is negative"),
        (DAY, None, "repeats_within needs an event time, unless it is `timedelta.max`"),
    ],
)
def test_a_promise_that_cannot_hold_is_refused(
    within: timedelta, event_time: str | None, said: str
) -> None:
    """The contract says what is wrong with its horizon."""
    with pytest.raises(ContradictoryContractError, match=said):
        replace(CONTRACT, repeats_within=within, event_time=event_time)


def test_changes_are_no_repeats() -> None:
    """A table's changes share their key; the word would lose them."""
    word = Postgres(connection="db", table="public.events")
    with pytest.raises(InvalidDeclarationError, match="would lose rows"):
        raw("shop.raw.events", source=word, contract=CONTRACT, owner="team:shop")
    raw(
        "shop.raw.events",
        source=Kafka(connection="bus", topic="events"),
        contract=CONTRACT,
        owner="team:shop",
    )


def test_the_promise_is_part_of_the_contract_when_it_is_made() -> None:
    """Contracts without it keep their hash."""
    plain = replace(CONTRACT, repeats_within=None)
    assert CONTRACT.hash != plain.hash
    assert "repeats_within_seconds" not in plain.facts()
    assert CONTRACT.facts()["repeats_within_seconds"] == 86400


def test_a_ledger_made_before_gains_its_columns(lake: Lake) -> None:
    """Creating again adds what is missing, keeps what is there."""
    with lake.get_connection() as connection:
        for column in ("rows_in", "repeated", "late_partitions"):
            connection.execute(f"alter table {ledger.BATCHES} drop column {column}")
        connection.execute(f"insert into {ledger.BATCHES} (stream, rows) values ('s', 7)")
        ledger.create(connection)
    assert asked(lake, f"select stream, {COUNTS} from {ledger.BATCHES}") == [
        ("s", None, 7, None, None)
    ]
