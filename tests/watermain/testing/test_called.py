"""Bodies called with rows, rows judged by checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import ibis
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tests.watermain.testing import shop
from tests.watermain.testing.shop import INSTANT, checked, customers, sales, spent, told
from watermain.declare import Column
from watermain.declare.errors import BrokenBodyError, BrokenContractError, WatermainError
from watermain.testing import GivenRowsError, MovedClock, TypedRows, failing, run
from watermain.testing.given_rows import as_table

NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)
FIRST: Mapping[str, Any] = {"id": "a", "at": NOON, "amount": Decimal("1.50"), "customer": 7}
LARGE = {**FIRST, "id": "b", "amount": "100"}
KINDS = {
    "dicts": list,
    "arrow": lambda rows: pa.Table.from_pylist(rows, schema=sales.contract.schema),
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "ibis": lambda rows: ibis.memtable(pa.Table.from_pylist(rows, schema=sales.contract.schema)),
}


def said(error: pytest.ExceptionInfo[WatermainError]) -> list[str]:
    """The four lines of an error."""
    lines = str(error.value).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["declared", "data", "next"]
    return lines


def test_body_of_ibis_is_given_what_capture_writes() -> None:
    """Rows come in their order, unless they say otherwise themselves; the result is typed."""
    again = {**FIRST, "amount": Decimal("2.00")}
    assert run(sales, told, told=[FIRST, again]) == [again]
    early = {**again, "_delivered_at": NOON - timedelta(days=999)}
    rows = run(sales, told, told=[FIRST, early])
    assert rows == [FIRST]
    assert rows.table.schema.equals(sales.contract.schema)


@pytest.mark.parametrize("kind", KINDS)
def test_body_takes_rows_of_every_library(kind: str) -> None:
    """A body of pandas, called with rows from anywhere."""
    given = [dict(FIRST), {**FIRST, "id": "b"}, {**FIRST, "id": "c", "customer": 9}]
    rows = run(customers, sales, sales=KINDS[kind](given))
    assert rows == [{"customer": 7, "sales": 2}, {"customer": 9, "sales": 1}]
    assert rows.table.schema.field("sales").type == pa.int32()


def test_bodies_of_polars_and_arrow_run_in_the_order_of_their_key() -> None:
    """What is optional may be left out; of a dataset that nobody declares types are guessed."""
    rows = run(checked, sales, sales=[LARGE, FIRST], notes=[{"id": "a", "note": "n"}])
    assert [(row["id"], row["kind"]) for row in rows] == [("a", "small"), ("b", "large")]
    assert run(checked, sales, sales=[FIRST], notes=[])[0]["amount"] == Decimal("1.50")
    found = run(spent, sales, sales=[LARGE, {**FIRST, "at": NOON + timedelta(days=1)}])
    assert [row["spent"] for row in found] == [Decimal("100.00"), Decimal("101.50")]


def test_column_of_many_values_is_told_by_its_type() -> None:
    """What is kept by its number comes back as the value."""
    schema = pa.schema([("x", pa.dictionary(pa.int8(), pa.string()))])
    table = as_table([{"x": "a"}, {"x": None}], schema, of="things", declared="here")
    assert table.schema == schema
    assert table.column("x").to_pylist() == ["a", None]


def test_body_without_rows_gives_none() -> None:
    """An input may be empty; it has its columns all the same."""
    assert run(sales, told, told=[]) == []


def test_room_of_the_project_is_found_by_name() -> None:
    """Nothing has to be named that a room declares."""
    from platform_assets.operations.curated import airlines

    rows = run(airlines, deliveries=[{"carrier": "UA"}, {"carrier": "UA", "name": "United"}])
    assert rows == [{"carrier": "UA", "name": "United"}]
    with pytest.raises(GivenRowsError, match="`nmae`, which no column is called"):
        run(airlines, deliveries=[{"carrier": "UA", "nmae": "United"}])


def test_body_that_breaks_its_contract_is_refused_as_in_a_publish() -> None:
    """A column too few; a body that raises."""
    short = replace(customers, body=lambda sales: sales[["customer"]])
    with pytest.raises(BrokenContractError, match="lacks `sales`"):
        run(short, sales, sales=[FIRST])
    with pytest.raises(BrokenBodyError, match="ZeroDivisionError"):
        run(replace(customers, body=lambda sales: 1 / 0), sales, sales=[FIRST])


REFUSED: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"colour": 1}, "row 1 names `colour`, which no column is called", "use some of `_batch_id`"),
    ({"id": 5}, "row 1 of `id` holds 5, which string cannot hold", "give what string holds"),
    ({"amount": 1.5}, "`amount` holds 1.5, which decimal128(12, 2)", 'give Decimal("1.50")'),
    ({"amount": "1.505"}, "`amount` holds '1.505', which", 'give Decimal("1.50")'),
    ({"amount": "much"}, "`amount` holds 'much', which", 'give Decimal("1.50")'),
    ({"customer": 2**63}, "holds 9223372036854775808, which int64 cannot hold", "give what int64"),
    ({"customer": 1.5}, "row 1 of `customer` holds 1.5, which int64 cannot hold", "give what"),
    ({"customer": True}, "row 1 of `customer` holds True, which int64 cannot hold", "give what"),
    ({"customer": "7"}, "row 1 of `customer` holds '7', which int64 cannot hold", "give what"),
    ({"at": datetime(2013, 1, 1)}, "an instant names its zone", "tzinfo=UTC)"),
    ({"at": "2013-01-01 12:00:00"}, "an instant names its zone", '"2013-01-01 12:00:00Z"'),
    ({"at": date(2013, 1, 1)}, "`at` holds datetime.date(2013, 1, 1), which timestamp", "give"),
    ({"at": "2013-01-01 12:00:00.1234567Z"}, "which timestamp[us, tz=UTC] cannot hold", "give"),
)


@pytest.mark.parametrize(("wrong", "what", "next"), REFUSED)
def test_row_that_the_contract_cannot_hold_is_refused(
    wrong: dict[str, Any], what: str, next: str
) -> None:
    """The first wrong value is told with its row; nothing is rounded or guessed."""
    with pytest.raises(GivenRowsError) as error:
        run(sales, told, told=[FIRST, {**FIRST, **wrong}])
    lines = said(error)
    assert lines[0].startswith("rows of shop.raw.sales: ")
    assert what in lines[0]
    assert "tests/watermain/testing/shop.py:" in lines[1]
    assert next in lines[3]


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        (pa.timestamp("us"), "2013-03-10 02:30:00", datetime(2013, 3, 10, 2, 30)),
        (INSTANT, "2013-03-10T02:30:00+01:00", datetime(2013, 3, 10, 1, 30, tzinfo=UTC)),
        (pa.date32(), "2013-03-10", date(2013, 3, 10)),
        (pa.time64("us"), "02:30:00.000001", time(2, 30, 0, 1)),
        (pa.decimal128(5, 3), "-1.5", Decimal("-1.500")),
        (pa.float32(), 0.1, pa.scalar(0.1, pa.float32()).as_py()),
        (pa.float64(), 3, 3.0),
        (pa.int64(), pd.NA, None),
        (INSTANT, pd.NaT, None),
        (INSTANT, pd.Timestamp("2013-01-01", tz="UTC"), datetime(2013, 1, 1, tzinfo=UTC)),
        (pa.struct([("a", pa.int8()), ("b", pa.string())]), {"a": 1}, {"a": 1, "b": None}),
        (pa.list_(pa.int8()), (1, 2), [1, 2]),
        (pa.map_(pa.string(), pa.int8()), {"a": 1}, [("a", 1)]),
    ],
)
def test_value_is_taken_as_its_type_says(kind: pa.DataType, given: Any, kept: Any) -> None:
    """Text is an instant, a date, a time or a decimal where the type is one."""
    columns = (told.contract.columns[0], Column("x", kind, "any"))
    contract = replace(told.contract, columns=columns, event_time=None)
    things = replace(told, contract=contract, cadence=None)
    taken = replace(customers, contract=contract, inputs={"sales": told.name}, checks=(), body=echo)
    rows = run(taken, things, sales=[{"id": "a", "x": given}])
    assert rows == [{"id": "a", "x": kept}]
    assert rows.table.schema.field("x").type == kind


def echo(sales: pa.Table) -> pa.Table:
    """Give back what was given."""
    return sales.select(["id", "x"])


def _with(kind: pa.DataType) -> tuple[Column, ...]:
    return (*told.contract.columns, Column("x", kind, "any"))


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"a": 1, "z": 1}, "holds {'a': 1, 'z': 1}, which struct<a: int8> cannot hold"),
        ({"a": 300}, "holds {'a': 300}, which struct<a: int8> cannot hold"),
        ("a", "holds 'a', which struct<a: int8> cannot hold"),
    ],
)
def test_nested_value_is_held_to_its_type(given: Any, what: str) -> None:
    """A field that the struct does not have is not lost."""
    columns = _with(pa.struct([("a", pa.int8())]))
    things = replace(told, contract=replace(told.contract, columns=columns))
    with pytest.raises(GivenRowsError) as error:
        run(sales, things, told=[{"x": given}])
    assert what in said(error)[0]


@pytest.mark.parametrize(
    ("inputs", "what", "next"),
    [
        ({"sale": []}, "shop.curated.sales does not declare the input `sale`", "use `told`"),
        ({}, "shop.curated.sales was given no rows for `told`", "add told=[...]"),
        ({"told": [["a"]]}, "row 0 is ['a'], no dict", "give dicts"),
        ({"told": pa.table({"id": [1]})}, "`id` is int64, whose values string", "give what string"),
        ({"told": pd.DataFrame({"ix": [1]})}, "`ix`, which no column is called", "use some of"),
    ],
)
def test_inputs_are_held_to_the_declaration(inputs: dict[str, Any], what: str, next: str) -> None:
    """An input too many, too few, no rows at all."""
    with pytest.raises(GivenRowsError) as error:
        run(sales, told, **inputs)
    lines = said(error)
    assert what in lines[0]
    assert lines[2] == "  data      nothing was computed or written"
    assert next in lines[3]


def test_instant_before_all_years_is_told() -> None:
    """The engine reckons further than Python."""
    far = pa.array([-(2**62)], INSTANT)
    with pytest.raises(GivenRowsError, match="cannot be told in Python") as error:
        TypedRows(pa.table({"at": far}))
    assert "within the years 1 to 9999" in said(error)[3]


def test_captured_dataset_has_no_body_to_run() -> None:
    """A raw dataset is what is given, not what is run."""
    with pytest.raises(GivenRowsError, match=r"shop\.raw\.sales is captured from a source"):
        run(told)


def test_values_without_a_declaration_have_one_type() -> None:
    """Where nothing is declared, Arrow guesses; it cannot of words beside numbers."""
    with pytest.raises(
        GivenRowsError, match=r"no rows for `told`, and shop\.raw\.sales is"
    ) as error:
        run(sales, told=[])
    assert "name its declaration behind the dataset" in said(error)[3]
    with pytest.raises(GivenRowsError, match=r"`notes` \(elsewhere.curated.notes\)") as error:
        run(checked, sales, sales=[FIRST], notes=[{"id": "a"}, {"id": 1}])
    assert said(error)[3] == "  next      give values of one type"


def judged(*rows: Mapping[str, Any], **words: Any) -> dict[str, list[str]]:
    """Which checks of large and small sales fail, each with its rows' ids."""
    given = [{"id": "a", "at": NOON, "amount": 1, "kind": "small", **row} for row in rows]
    words = {"beside": {"shop.curated.sales": [{"id": "a"}, {"id": "b"}]}, **words}
    found = failing(checked, given, sales, **words)
    return {label: [row["id"] for row in failed] for label, failed in found.items()}


def test_rows_that_fail_are_told_by_their_check() -> None:
    """Declared checks with those that the contract implies; a whole partition names no row."""
    assert judged({}) == {}
    assert judged({"kind": "huge"}) == {"accepted_values_kind": ["a"]}
    assert judged({}, {"id": "b", "kind": "large"}) == {"large_is_large": ["b"]}
    assert judged({"amount": 100}, {"id": "b"}) == {"large_is_large": ["a"]}
    assert judged({"id": "c"}) == {"refers_to_id": ["c"]}
    assert judged({}, {"amount": 2}) == {"unique_key_id": ["a"]}
    assert judged({"id": None}, {"at": None}) == {"not_null_id": [None], "not_null_at": ["a"]}
    day = timedelta(days=1)
    later = [{"id": "a", "at": NOON + day * n, "amount": n} for n in range(4)]
    assert judged(*later) == {"unique_key_id": ["a"] * 3}
    many = [{"id": i, "amount": n} for n, i in enumerate("ab" * 2)]
    assert judged(*many) == {"unique_key_id": ["a", "b"], "row_count": []}
    assert judged() == {"row_count": [], "fresh_at": []}


def test_clock_says_what_is_fresh() -> None:
    """A partition is as old as its end, or now; without a clock it is the year's beginning."""
    now = MovedClock()
    now.advance(timedelta(hours=20))
    assert judged({}, clock=now) == {}
    early = {"at": NOON - timedelta(hours=6)}
    assert judged(early, clock=now) == {}
    stale = replace(checked, checks=tuple(_sooner(c) for c in checked.checks))
    beside = {"shop.curated.sales": [{"id": "a"}]}
    row = {"id": "a", "amount": 1, "kind": "small", **early}
    assert failing(stale, [row], sales, beside=beside, clock=now) == {"fresh_at": []}


def _sooner(check: Any) -> Any:
    return replace(check, within=timedelta(hours=1)) if check.label == "fresh_at" else check


def test_checks_say_which_rows_they_miss() -> None:
    """A reference cannot be judged without what it refers to; nobody refers to some."""
    with pytest.raises(GivenRowsError, match=r"`refers_to_id` reads shop\.curated") as error:
        failing(checked, [], sales)
    assert said(error)[3] == '  next      add beside={"shop.curated.sales": [...]}'
    with pytest.raises(GivenRowsError, match=r"none of its checks reads shop\.raw"):
        judged({}, beside={"shop.curated.sales": [], "shop.raw.sales": []})
    with pytest.raises(GivenRowsError, match="`kin`, which no column is called"):
        judged({"kin": 1})


def test_clock_moves_forward_only() -> None:
    """Time goes on, or is set; it names its zone."""
    clock = MovedClock()
    assert clock.advance(timedelta(days=1)) == clock.now() == datetime(2013, 1, 2, tzinfo=UTC)
    assert clock.set(NOON - timedelta(days=9)) == clock.now()
    assert clock.micros() == int((NOON - timedelta(days=9)).timestamp() * 1_000_000)
    for wrong in (
        lambda: clock.advance(timedelta(days=-1)),
        lambda: clock.set(datetime(2013, 1, 1)),
    ):
        with pytest.raises(GivenRowsError, match="the clock was not moved"):
            wrong()
    assert clock.now() == NOON - timedelta(days=9)


def test_public_names_lead_somewhere() -> None:
    """Each name that the package gives is found in its home; no other one is."""
    import watermain.testing

    assert all(getattr(watermain.testing, name) for name in watermain.testing.__all__)
    with pytest.raises(AttributeError, match="no attribute `walk`"):
        watermain.testing.walk  # noqa: B018
    assert shop.told.source is not None
