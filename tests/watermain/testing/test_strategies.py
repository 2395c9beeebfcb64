"""Rows that strategies make are rows that the checks pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis.errors import NoSuchExample

from platform_assets.operations import curated
from platform_assets.prediction import features
from tests.watermain.testing.shop import told
from watermain.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    accepted_values,
    between,
    dataset,
    matches,
    row_count,
    unique,
)
from watermain.declare.errors import InvalidPartitionError
from watermain.testing import GivenRowsError, TrialLake, failing, rows_of, tables_of
from watermain.testing.strategies.declared import KEPT_TYPES, contracts
from watermain.testing.strategies.values import values

INSTANT = pa.timestamp("us", "UTC")
NEW_YORK = Daily(zone="America/New_York")
PATIENT = settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=20)


def of(contract: Contract, **words: Any) -> Dataset:
    """A dataset that makes nothing."""

    def body() -> pa.Table:
        return contract.schema.empty_table()

    made: Dataset = dataset("shop.curated.things", contract=contract, owner="team:shop", **words)(
        body
    )
    return made


def things(*columns: Column, key: tuple[str, ...] = ("id",)) -> Contract:
    """A contract with an instant and a number as key beside other columns."""
    own = (Column("id", pa.int64(), "which"), Column("at", INSTANT, "when"))
    return Contract(grain="one row per thing", key=key, event_time="at", columns=(*own, *columns))


@given(st.data())
@PATIENT
def test_rows_of_any_contract_keep_it(data: st.DataObject) -> None:
    """The audit itself finds nothing, the types hold every value."""
    contract = data.draw(contracts())
    table = data.draw(tables_of(contract))
    table.validate(full=True)
    assert table.schema.equals(contract.schema)
    plain = replace(contract, event_time=None, repeats_within=None)
    assert failing(of(plain), table) == {}


@given(st.data())
@PATIENT
def test_values_of_a_type_come_back_as_they_are(data: st.DataObject) -> None:
    """Nothing is rounded, cut or shifted on the way through Arrow."""
    kind = data.draw(KEPT_TYPES.filter(lambda kind: not pa.types.is_dictionary(kind)))
    value = data.draw(values(kind))
    back = pa.array([value], kind).to_pylist()[0]
    assert repr(back) == repr(value) or back == value


@pytest.mark.parametrize(
    "table",
    [curated.flights, curated.movements, curated.airports, curated.aircraft, features.congestion],
)
def test_rows_of_a_room_pass_its_checks(table: Dataset) -> None:
    """Whatever is declared but SQL: ranges, lists, patterns, keys."""
    said = {c.label for c in table.checks if hasattr(c, "sql")}

    @given(tables_of(table))
    @settings(PATIENT, max_examples=6)
    def pass_all(rows: pa.Table) -> None:
        assert set(failing(table, rows)) <= said

    pass_all()


CASES: tuple[tuple[Column, tuple[Any, ...]], ...] = (
    (Column("x", pa.int8(), "x"), (between("x", low=-3.5, high=300),)),
    (Column("x", pa.float32(), "x"), (between("x", low=0.1, high=0.3),)),
    (Column("x", pa.float64(), "x"), (between("x", low=Decimal("0.1")),)),
    (Column("x", pa.decimal128(38, 9), "x"), (between("x", low=-1, high=Decimal("1e20")),)),
    (Column("x", pa.date32(), "x"), (between("x", low=date(2013, 1, 1), high=date(2013, 1, 2)),)),
    (Column("x", INSTANT, "x"), (between("x", low=datetime(2013, 1, 1, tzinfo=UTC)),)),
    (Column("x", pa.timestamp("s"), "x"), (between("x", high=datetime(1969, 12, 31, 23)),)),
    (Column("x", pa.string(), "x"), (matches("x", r"[A-Z]{2}\d+"), accepted_values("x", ["AB1"]))),
    (Column("x", pa.string(), "x", nullable=False), (matches("x", r"[^@\s]+@[a-z]+"),)),
    (Column("x", pa.string(), "x"), (accepted_values("x", []),)),
    (Column("x", pa.int32(), "x", nullable=False), (accepted_values("x", ["no number"]),)),
    (Column("x", pa.int16(), "x"), (unique("x"), between("x", low=1, high=9))),
)


@pytest.mark.parametrize(("column", "checks"), CASES, ids=[f"{n}" for n in range(len(CASES))])
def test_rows_keep_each_kind_of_rule(column: Column, checks: tuple[Any, ...]) -> None:
    """Bounds on every type, lists, patterns, all of them together; no value fits: no rows."""
    declared = of(things(column), checks=checks)

    @given(tables_of(declared))
    @settings(PATIENT, max_examples=8)
    def pass_all(rows: pa.Table) -> None:
        assert failing(declared, rows) == {}

    pass_all()


def test_rows_reach_the_odd_ones() -> None:
    """Nulls, extremes, the hour that New York has twice, the end of a day's last microsecond."""
    declared = of(things(Column("x", pa.int16(), "x")), cadence=NEW_YORK)

    def found(wanted: Any) -> Any:
        made = rows_of(declared, least=1)
        return find(
            made, lambda rows: any(map(wanted, rows)), settings=settings(PATIENT, max_examples=5000)
        )

    assert found(lambda row: row["x"] is None)
    assert found(lambda row: row["x"] == 2**15 - 1)
    twice = datetime(2013, 11, 3, 6, 30, tzinfo=UTC)
    assert found(lambda row: row["at"] == twice)
    assert twice.astimezone(ZoneInfo("America/New_York")).fold == 1


@pytest.mark.parametrize("day", ["2013-03-10", "2013-11-03"])
def test_rows_of_a_partition_lie_in_it(day: str) -> None:
    """A day of 23 hours, one of 25: no instant lies outside, as many rows as promised."""
    checks = (row_count(low=2, high=3),)
    declared = of(things(), cadence=NEW_YORK, checks=checks)
    window = NEW_YORK.window(day)

    @given(rows_of(declared, partition=day))
    @PATIENT
    def lie_inside(rows: list[dict[str, Any]]) -> None:
        assert 2 <= len(rows) <= 3
        assert all(window.start <= row["at"] < window.end for row in rows)

    lie_inside()


def test_rows_of_one_row_are_one() -> None:
    """The empty key is that of a table with one row."""
    one = of(Contract(grain="all", key=(), columns=(Column("n", pa.int64(), "n"),)))

    @given(rows_of(one))
    @PATIENT
    def is_one(rows: Iterable[Any]) -> None:
        assert len(list(rows)) == 1

    is_one()


def test_key_of_what_is_captured_may_come_again() -> None:
    """It is one row for each telling; the key of what is computed names one row."""
    columns = (Column("id", pa.bool_(), "which"), Column("n", pa.int8(), "number"))
    contract = Contract(grain="one row per telling", key=("id",), columns=columns)

    def twice(rows: list[dict[str, Any]]) -> bool:
        return len({row["id"] for row in rows}) < len(rows)

    captured = replace(told, contract=contract, cadence=None)
    assert find(rows_of(captured), twice, settings=PATIENT)
    with pytest.raises(NoSuchExample):
        find(rows_of(of(contract)), twice, settings=PATIENT)


def test_partition_outside_the_calendar_is_refused() -> None:
    """The cadence says which partitions there are."""
    with pytest.raises(InvalidPartitionError, match="2012-12-31"):
        rows_of(of(things(), cadence=NEW_YORK), partition="2012-12-31")


def test_pattern_that_python_cannot_read_is_refused() -> None:
    """RE2 knows classes that Python does not."""
    odd = of(things(Column("x", pa.string(), "x")), checks=(matches("x", r"\pL+"),))
    with pytest.raises(GivenRowsError, match="Python cannot read the pattern") as refused:
        rows_of(odd)
    assert len(str(refused.value).splitlines()) == 4


def test_rows_of_a_lake_come_back(watermain_lake: TrialLake) -> None:
    """What is given is kept as it is, extremes among them."""
    columns = (Column("x", pa.float64(), "x"), Column("y", pa.string(), "y"))
    days = (datetime(2013, 3, 9, tzinfo=UTC), datetime(2013, 3, 12, tzinfo=UTC))
    made = of(
        things(*columns), cadence=NEW_YORK, checks=(between("at", low=days[0], high=days[1]),)
    )

    @given(tables_of(made, least=1))
    @settings(PATIENT, max_examples=3)
    def come_back(table: pa.Table) -> None:
        keys = [NEW_YORK.key_of(days[0] + timedelta(days=n)) for n in range(4)]
        watermain_lake.given(made, table, *keys)
        found = watermain_lake.rows(made).table
        assert repr(found.to_pylist()) == repr(table.sort_by("id").to_pylist())

    come_back()
