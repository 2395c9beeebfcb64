"""Answers say of each row whether it is present, stale or missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watermain.serve.feature_server.delays import HOUR, NOW, catalog, micros
from watermain.online.protocol import StoredRow
from watermain.serve.feature_server.answer import Found, instants, json_answer, judged
from watermain.serve.feature_server.catalog import Part
from watermain.serve.feature_server.reader import FoundRows

NOW_US = micros(NOW)
AGE_US = micros(NOW) - micros(NOW - HOUR)
FRESH = StoredRow(NOW_US - 1, b'{"mean":12.5,"departures":9007199254740993}')
EDGE = StoredRow(NOW_US - AGE_US, b'{"mean":0.1,"departures":0}')
STALE = StoredRow(NOW_US - AGE_US - 1, b'{"mean":3.25,"departures":7}')
NULLS = {"mean": None, "departures": None}


def part(ref: str) -> Part:
    """What one reference asks for."""
    return catalog().plan((f"prediction.features.{ref}",)).parts[0]


def told(ref: str, *rows: StoredRow | None) -> dict[str, Any]:
    """The answer for rows of one table."""
    written = json_answer([judged(part(ref), FoundRows.of(rows), NOW_US)])
    found: dict[str, Any] = orjson.loads(written)["tables"][0]
    return found


@pytest.mark.parametrize(
    ("row", "status", "event_time", "features"),
    [
        (FRESH, "present", "2013-01-22T11:59:59.999999Z",
         {"mean": 12.5, "departures": 9007199254740993}),
        (EDGE, "present", "2013-01-22T11:00:00Z", {"mean": 0.1, "departures": 0}),
        (STALE, "stale", "2013-01-22T10:59:59.999999Z", NULLS),
        (None, "missing", None, NULLS),
    ],
)  # fmt: skip
def test_answer_tells_the_status_of_a_row(
    row: StoredRow | None, status: str, event_time: str | None, features: dict[str, Any]
) -> None:
    """A row of exactly the greatest age is present; a stale one tells its time, no values."""
    assert told("airport_delay@1", row) == {
        "table": "prediction.features.airport_delay",
        "version": 1,
        "status": [status],
        "event_time": [event_time],
        "features": [features],
    }


def test_answer_keeps_the_order_of_the_rows() -> None:
    """Statuses, times, features stand where their entity stands."""
    found = told("airport_delay@1", None, FRESH, STALE, None, EDGE)
    assert found["status"] == ["missing", "present", "stale", "missing", "present"]
    assert [t is None for t in found["event_time"]] == [True, False, False, True, False]
    assert [f["mean"] for f in found["features"]] == [None, 12.5, None, None, 0.1]


def test_answer_is_spliced_from_what_is_stored() -> None:
    """Where all features are asked for, the stored text is the answer, to the byte."""
    odd = StoredRow(NOW_US, b'{"departures": 1, "mean": 1.50}')
    assert odd.value in json_answer(
        [judged(part("airport_delay@1"), FoundRows.of([odd, FRESH]), NOW_US)]
    )


def test_answer_holds_the_asked_features_alone() -> None:
    """One feature of a table is taken out; what is not stored is null."""
    assert told("airport_delay@1:mean", FRESH)["features"] == [{"mean": 12.5}]
    assert told("airport_delay@1:mean", StoredRow(NOW_US, b"{}"))["features"] == [{"mean": None}]
    assert told("airport_delay@1:mean", STALE, None)["features"] == [{"mean": None}] * 2


def test_row_answers_for_ever_without_a_greatest_age() -> None:
    """A table without `max_age` has no stale rows."""
    ancient = StoredRow(0, b'{"mean":1.0}')
    assert told("route_delay", ancient)["status"] == ["present"]
    assert told("route_delay", ancient)["event_time"] == ["1970-01-01T00:00:00Z"]


def test_row_of_the_future_is_present() -> None:
    """Clocks differ: an event time ahead of ours is no reason to answer nothing."""
    ahead = StoredRow(NOW_US + 5_000_000, FRESH.value)
    assert told("airport_delay@1", ahead)["status"] == ["present"]


@pytest.mark.parametrize(
    ("rows", "present", "stale", "missing", "oldest"),
    [
        ([FRESH, EDGE], 2, 0, 0, EDGE.event_us),
        ([FRESH, STALE, None], 1, 1, 1, FRESH.event_us),
        ([None, None], 0, 0, 2, None),
        ([STALE], 0, 1, 0, None),
    ],
)
def test_rows_are_counted(
    rows: Sequence[StoredRow | None], present: int, stale: int, missing: int, oldest: int | None
) -> None:
    """The oldest row is the oldest of those that are present."""
    found = judged(part("airport_delay@1"), FoundRows.of(rows), NOW_US)
    assert (found.present, found.stale, found.missing) == (present, stale, missing)
    assert found.oldest_us == oldest


ROWS = st.lists(
    st.none() | st.builds(StoredRow, st.integers(0, 2 * NOW_US), st.just(b'{"mean":1.0}')),
    min_size=1,
)


@given(rows=ROWS, ref=st.sampled_from(["airport_delay@1", "airport_delay@1:mean", "route_delay"]))
def test_answer_says_one_thing_of_each_row(rows: list[StoredRow | None], ref: str) -> None:
    """Every column of the answer has the length of the question, whatever the store holds."""
    found = judged(part(ref), FoundRows.of(rows), NOW_US)
    answer = orjson.loads(json_answer([found]))["tables"][0]
    assert {len(answer[n]) for n in ("status", "event_time", "features")} == {len(rows)}
    assert found.present == answer["status"].count("present")
    assert found.stale == answer["status"].count("stale")
    for row, status, at, features in zip(
        rows, answer["status"], answer["event_time"], answer["features"], strict=True
    ):
        assert (status == "missing") == (row is None) == (at is None)
        assert row is None or micros(datetime.fromisoformat(at)) == row.event_us
        assert (features["mean"] == 1.0) == (status == "present")


@given(st.lists(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))))
def test_instants_are_exact(instants_at: list[datetime]) -> None:
    """Every instant is told in UTC to the microsecond."""
    events = [micros(at.replace(tzinfo=UTC)) for at in instants_at]
    read = [datetime.fromisoformat(text) for text in orjson.loads(instants(events))]
    assert read == [at.replace(tzinfo=UTC) for at in instants_at]


def test_answer_has_tables_in_the_order_of_the_asking() -> None:
    """Tables follow each other as they were asked for."""
    plan = catalog().plan_of("departure")
    found = [Found(each, FoundRows.of([None]), 0, 0, None, ["missing"]) for each in plan.parts]
    tables = orjson.loads(json_answer(found))["tables"]
    assert [(t["table"].rpartition(".")[2], t["version"]) for t in tables] == [
        ("airport_delay", 1),
        ("route_delay", 1),
    ]
    assert tables[1]["features"] == [{"mean": None}]


def test_greatest_age_is_a_whole_number_of_microseconds() -> None:
    """Ages are compared as the store has times."""
    assert part("airport_delay@1").max_age_us == timedelta(hours=1) // timedelta(microseconds=1)
    assert part("route_delay").max_age_us is None
