"""Our contracts, judged by datacontract-cli: a tool of others, in a folder of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from platform_assets.operations import curated
from tests.house.tree import ROOT
from tests.watermain.engine.house import NEW_YORK, House, airlines, legs
from watermain.declare import Column, Dataset, between, dataset
from watermain.declare.contract import Contract
from watermain.declare.errors import BrokenContractError, UnknownDatasetError
from watermain.engine.exchange.odcs import document
from watermain.engine.exchange.released import released
from watermain.engine.release.outside_test import TOOL, judge
from watermain.engine.release.release import FOLDER
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake

pytestmark = pytest.mark.services
DAY = "2013-01-01"


@pytest.fixture
def house(lake: Lake) -> House:
    """A lake with airlines, flights of a day, some of them late."""
    house = House(lake, {})
    span = Span(NEW_YORK, DAY, DAY)
    cancelled = {"status": "cancelled", "departed_at": None, "arrival_delay_minutes": None}
    house.give("operations.curated.airlines", airlines())
    house.give("operations.curated.flights", legs({}, cancelled, {"carrier": "B6"}), span)
    return house


@pytest.mark.parametrize(
    "path", sorted((ROOT / FOLDER).glob("*/*.odcs.yaml")), ids=lambda p: p.name
)
def test_every_released_contract_lints_green(path: Path) -> None:
    """Against the schema of the standard's version that it names."""
    done = subprocess.run([TOOL, "lint", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["airlines", "flights"])
def test_released_contract_tests_green_against_the_lake(house: House, name: str) -> None:
    """Columns, types, key, required columns, quality rules: the tool's own verdict."""
    declared: Mapping[str, Dataset] = vars(curated)
    told = list(judge(declared[name], house.lake))
    assert [line for line in told if line.split()[1] not in ("passed", "info")] == []
    assert any("has no duplicate values" in line for line in told)
    assert len(told) > len(declared[name].contract.columns)


ODD = Contract(
    grain="one row per odd thing",
    key=("id",),
    columns=(
        Column("id", pa.int64(), "the thing"),
        Column("größe", pa.decimal128(12, 2), "with an umlaut", unit="cm"),
        Column("order", pa.string(), "a word of SQL", nullable=False),
        Column("at", pa.timestamp("us", "UTC"), "when"),
        Column("tags", pa.list_(pa.string()), "what it is called"),
        Column("place", pa.struct({"zip": pa.int32()}), "where it is"),
    ),
)
ROWS = pa.table(
    {
        "id": [1, 2],
        "größe": [Decimal(1), Decimal(2)],
        "order": ["a", "b"],
        "at": [datetime(2013, 1, 1, tzinfo=UTC)] * 2,
        "tags": [["x"], []],
        "place": [{"zip": 1}, None],
    },
    schema=ODD.schema,
)


@dataset(
    "shop.curated.odd", contract=ODD, checks=(between("größe", low=0, high=99),), owner="team:shop"
)
def odd() -> pa.Table:
    """Things with odd names, nested columns."""
    return ROWS


def test_odd_names_nested_types_test_green(lake: Lake, tmp_path: Path) -> None:
    """Umlauts, words of SQL, lists, structs, decimals."""
    House(lake, {"odd": odd}).give("shop.curated.odd", ROWS)
    path = tmp_path / "odd.odcs.yaml"
    path.write_text(document(released(odd)), encoding="utf-8")
    told = list(judge(odd, lake, path))
    assert [line for line in told if "failed" in line or "error" in line] == []
    assert any("passed" in line and "between_größe" in line for line in told) or len(told) > 12


def test_contract_that_the_rows_break_is_refused(house: House, tmp_path: Path) -> None:
    """The tool bites: another promise over the same rows fails, with its reason."""
    strict = replace(curated.airlines, checks=(between("name", low="M"),))
    path = tmp_path / "airlines.odcs.yaml"
    path.write_text(document(released(strict)), encoding="utf-8")
    with pytest.raises(BrokenContractError, match="datacontract test refuses 1 of"):
        list(judge(curated.airlines, house.lake, path))


def test_dataset_that_was_never_published_is_told(house: House) -> None:
    """There are no rows to judge."""
    with pytest.raises(UnknownDatasetError, match="was never published"):
        list(judge(curated.aircraft, house.lake))
