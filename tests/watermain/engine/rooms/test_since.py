"""The day on which data begin reaches the calendars that name none."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, Daily, Dataset, Files, raw
from watermain.engine.code.code import code_version
from watermain.engine.exchange.odcs import document
from watermain.engine.exchange.released import released
from watermain.engine.rooms.directory import everything, find
from watermain.engine.rooms.since import since

FIRST = date(2026, 10, 30)


def orders(cadence: Daily | None) -> Dataset:
    """A captured dataset of a cadence."""
    columns = (Column("id", pa.string(), "which"), Column("at", pa.date32(), "when"))
    return raw(
        "shop.raw.orders",
        source=Files(connection="drop", pattern="*.csv", format="csv"),
        contract=Contract(grain="one row per order", key=("id",), event_time="at", columns=columns),
        cadence=cadence,
        owner="team:shop",
    )


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data folder says with which day its data begin."""
    monkeypatch.setenv("WATERMAIN_DATA_SINCE", FIRST.isoformat())


@pytest.mark.usefixtures("begun")
def test_calendar_without_a_start_begins_with_the_data() -> None:
    """One that names its own keeps it, as does what has no partitions."""
    dataset, own, whole = orders(Daily()), orders(Daily(start=date(2020, 1, 1))), orders(None)
    moved, *others = since([dataset, own, whole])
    assert moved.cadence is not None
    assert moved.cadence.first == "2026-10-30"
    assert others == [own, whole]
    assert since([dataset])[0] is moved


@pytest.mark.usefixtures("begun")
def test_day_is_no_part_of_a_version_nor_of_a_contract() -> None:
    dataset = orders(Daily())
    (moved,) = since([dataset])
    assert moved is not dataset
    assert code_version(moved) == code_version(dataset)
    assert document(released(moved)) == document(released(dataset))
    assert "start" not in document(released(dataset))


def test_calendar_begins_in_2013_where_nobody_says_a_day() -> None:
    dataset = orders(Daily())
    assert since([dataset]) == [dataset]
    assert dataset.cadence is not None
    assert dataset.cadence.since == date(2013, 1, 1)


def test_rooms_of_the_company_begin_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by name they are what they are among all; the month that data begin in is whole."""
    before = everything()
    monkeypatch.setenv("WATERMAIN_DATA_SINCE", FIRST.isoformat())
    moved = list(everything().values())
    assert [d.name for d in moved] == list(before)
    cut = {str(d.name): d.cadence for d in moved if d.cadence is not None}
    assert len(cut) > 20
    months = {name for name, cadence in cut.items() if cadence.first != "2026-10-30"}
    assert months == {"operations.marts.fct_monthly_on_time_report"}
    assert cut[months.pop()].first == "2026-10-01"
    (flights,) = [name for name in before if str(name) == "operations.curated.flights"]
    cadence = find(flights).cadence
    assert cadence is not None
    assert cadence.since == FIRST
