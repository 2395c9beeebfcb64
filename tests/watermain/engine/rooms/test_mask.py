"""What is masked for people, what a statement is taken for."""

from __future__ import annotations

import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, DatasetName, Sensitivity
from watermain.engine.rooms.mask import declaration, hides
from watermain.engine.rooms.question import RefusedQueryError, parse

FLIGHTS = DatasetName.parse("operations.curated.flights")
ID = Column("id", pa.string(), "who")
MAIL = Column("mail", pa.string(), "where", sensitivity=Sensitivity.PERSONAL)
PIN = Column("pin", pa.int64(), "a number", sensitivity=Sensitivity.SECRET)


def hidden(*columns: Column) -> list[str]:
    """Which of some columns are masked under a contract."""
    masks = hides(Contract(grain="one row per person", key=("id",), columns=columns))
    names = ("id", "MAIL", "pin", "grown", "_extra", "_key", "_headers", "_row", "_batch_id")
    return [name for name in names if masks(name)]


def test_sensitive_columns_are_masked_with_what_nobody_describes() -> None:
    """A column that the source grew may be anything; a row's place tells nothing."""
    assert hidden(ID, MAIL, PIN) == ["MAIL", "pin", "grown", "_extra", "_key", "_headers"]
    assert hidden(ID) == []


def test_declaration_is_found_on_its_own_shelf() -> None:
    """Nothing is known of a room that there is not, of a table that a room does not declare."""
    found = declaration(FLIGHTS)
    assert found is not None
    assert found.name == FLIGHTS
    assert declaration(DatasetName.parse("nowhere.raw.flights")) is None
    assert declaration(DatasetName.parse("operations.curated.nothing")) is None


NAMES = {
    "from operations.curated.flights": ({FLIGHTS}, set()),
    "select 1 where 1 in (select 1 from OPERATIONS.curated.Flights)": ({FLIGHTS}, set()),
    "with a as (select 1) from a": (set(), set()),
    "with recursive a as (select 1 as n union all select n from A) from a": (set(), set()),
    "from a": (set(), {"a"}),
    "from x.y": (set(), {"x.y"}),
    "from 'a.csv'": (set(), {"a.csv"}),
    "summarize operations.curated.flights": ({FLIGHTS}, set()),
    "from (describe operations.curated.flights)": ({FLIGHTS}, set()),
    "values (1)": (set(), set()),
    "select 1;": (set(), set()),
}


@pytest.mark.parametrize("sql", NAMES)
def test_names_of_a_statement_are_found_wherever_they_stand(sql: str) -> None:
    """Datasets, then names that the statement does not give itself."""
    found = parse(sql)
    assert (found.datasets, found.others) == NAMES[sql]


@pytest.mark.parametrize(
    "sql",
    [
        "",
        ";",
        "select 1; select 2",
        "show tables",
        "pivot a on b",
        "explain select 1",
        "select\0 1",
    ],
)
def test_statement_that_is_no_single_select_is_refused(sql: str) -> None:
    """Four lines."""
    with pytest.raises(RefusedQueryError, match="was not run") as caught:
        parse(sql)
    assert len(str(caught.value).splitlines()) == 4
