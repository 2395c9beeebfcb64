"""Instants read at once are what DuckDB reads one by one, or are not read."""

from __future__ import annotations

import itertools

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.engine.capture.exact_leaf import exact
from watermain.source.delivery import OddInstantsError
from watermain.source.text.instants import instants, is_instant

ZONED, LOCAL = pa.timestamp("us", "UTC"), pa.timestamp("us")
SQL = {ZONED: "TIMESTAMP WITH TIME ZONE", LOCAL: "TIMESTAMP"}
DATES = ("2013-01-01", "0001-01-01", "9999-12-31", "1969-12-31", "2012-02-29", "2013-02-29",
         "2013-13-01", "2013-1-1", "+2013-01-01", "0000-01-01", "2013/01/01")  # fmt: skip
BETWEEN = ("T", " ", "t", "")
TIMES = ("", "10", "10:05", "10:05:07", "10:05:07.", "10:05:07.1", "10:05:07.123456", "24:00:00",
         "10:05:07.1234567", "10:05:07,5", "23:59:60", "25:00:00", "1:05:07", "100507")  # fmt: skip
ZONES = ("", "Z", "z", "+00", "+0000", "+00:00", "-05:30", "+14:00", "-16:00", "+24:00", "-00:00",
         " UTC", " +00:00", "+1", "+5:30", "+00:60", "+12:34:56", "+99")  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    """The engine that the lake has, in its time zone."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    return connection


def one_by_one(
    engine: duckdb.DuckDBPyConnection, texts: list[str | None], kind: pa.DataType
) -> list[int | None]:
    """Microseconds since 1970 as the lake would hold them, None for what goes aside."""
    rows = engine.execute(
        f"select epoch_us({exact('v', kind, SQL[kind])}) from"
        " (select unnest($t) as v, unnest(range(len($t))) as i) order by i",
        {"t": texts},
    ).fetchall()
    return [row[0] for row in rows]


def at_once(texts: list[str | None], kind: pa.DataType) -> list[int | None] | None:
    """The same of what is read at once, None for a column that is odd."""
    try:
        return [each.value for each in instants(pa.array(texts, pa.string()), kind)]
    except OddInstantsError:
        return None


@pytest.mark.parametrize("kind", SQL, ids=str)
def test_every_form_is_read_as_the_engine_reads_it(
    engine: duckdb.DuckDBPyConnection, kind: pa.DataType
) -> None:
    """Of some ten thousand forms a few dozen are read at once, none otherwise."""
    forms = [
        date + between + time + zone
        for date, between, time, zone in itertools.product(DATES, BETWEEN, TIMES, ZONES)
        if time or not between
    ]
    alone = one_by_one(engine, list(forms), kind)
    read = [(form, at_once([form], kind), is_) for form, is_ in zip(forms, alone, strict=True)]
    held = [(form, found, is_) for form, found, is_ in read if found is not None]
    assert len(held) > 30
    assert [form for form, found, is_ in held if found != [is_]] == []


INSTANT = st.datetimes().map(lambda at: at.isoformat(sep=" "))
TEXT = INSTANT | INSTANT.map(lambda text: text + "Z") | st.dates().map(str) | st.text(max_size=20)


@pytest.mark.parametrize("kind", SQL, ids=str)
@given(texts=st.lists(st.none() | TEXT, max_size=6), cut=st.integers(0, 3))
def test_columns_are_read_whole_or_not(
    engine: duckdb.DuckDBPyConnection, kind: pa.DataType, texts: list[str | None], cut: int
) -> None:
    """Any mixture, nulls in it, slices of a longer one."""
    texts = [None if t is None else t.replace("\0", "") for t in texts]
    column = pa.array(texts, pa.string()).slice(cut)
    try:
        found = instants(column, kind)
    except OddInstantsError:
        return
    assert found.type == kind
    assert [each.value for each in found] == one_by_one(engine, texts, kind)[cut:]


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["2013-01-01T10:05:07Z", None, "2013-01-01 10:05:07.5+05:30"], ZONED),
        (["2013-01-01T10:05:07", "2013-01-01"], ZONED),
        (["2013-01-01T10:05:07", "2013-01-01"], LOCAL),
        ([None], ZONED),
        ([], LOCAL),
    ],
)
def test_common_forms_are_read_at_once(texts: list[str | None], kind: pa.DataType) -> None:
    """With an offset on all rows or on none; without one in an instant that is no point in time."""
    assert at_once(texts, kind) is not None


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["2013-01-01T10:05:07Z", "2013-01-01T10:05:07"], ZONED),
        (["2013-01-01T10:05:07Z"], LOCAL),
        (["2013-01-01T10:05Z"], ZONED),
        (["", "2013-01-01"], LOCAL),
    ],
)
def test_other_columns_are_odd(texts: list[str | None], kind: pa.DataType) -> None:
    """They are left to the engine, which reads some of them."""
    assert at_once(texts, kind) is None


def test_other_types_are_no_instants() -> None:
    """Other units or zones stay with the engine."""
    for kind in (pa.timestamp("ns"), pa.timestamp("us", "Europe/Paris"), pa.date32(), pa.int64()):
        assert not is_instant(kind)
