"""What we publish of public dbt projects, judged by stock dbt."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.watermain.judge.judge import judged
from tests.watermain.judge.known import unexplained
from tests.watermain.judge.side import Made, Side, differences
from watermain.lake.lake import Lake

PROJECTS = ROOT / "tests" / "projects"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(p.parent.name for p in PROJECTS.glob("*/dbt_project.yml")))
def test_published_tables_and_verdicts_equal_those_of_stock_dbt(
    name: str, lake: Lake, tmp_path: Path
) -> None:
    """Rows, types, verdicts and names of nodes are dbt's own, but for what is written down."""
    assert unexplained(name, judged(PROJECTS / name, tmp_path)) == []


STOCK = Made(columns=(("id", "INTEGER"),), rows=Counter({(1,): 2, (2,): 1}))


@pytest.mark.parametrize(
    ("ours", "told"),
    [
        (None, "model orders is a table of stock alone"),
        (replace(STOCK, columns=(("id", "BIGINT"),)), "stock id INTEGER, ours id BIGINT"),
        (replace(STOCK, columns=()), "1 columns of stock, 0 of ours"),
        (replace(STOCK, rows=Counter({(1,): 1, (2,): 1})), "1 rows of stock alone, 0 of ours"),
        (replace(STOCK, rows=Counter({(1,): 2, (3,): 1})), "1 rows of stock alone, 1 of ours"),
    ],
)
def test_the_judge_sees_what_differs_in_a_table(ours: Made | None, told: str) -> None:
    """A row too few, a row that is another, another type, a column that is not there."""
    key = "model.shop.orders"
    mine = Side({key: ours} if ours else {}, nodes={key})
    ((_, line),) = differences(Side({key: STOCK}, nodes={key}), mine)
    assert told in line


def test_the_judge_sees_a_verdict_and_a_name_that_differ() -> None:
    """A test that passes here alone or is not run, and a node of one side."""
    test = "test.shop.unique_id.0a1b"
    stock = Side(verdicts={test: "fail", "test.shop.other.1": "pass"}, nodes={"seed.shop.a"})
    ours = Side(verdicts={test: "pass"})
    assert [line for _, line in differences(stock, ours)] == [
        "seed a is named by stock alone",
        "test other: stock pass, ours not run",
        "test unique_id: stock fail, ours pass",
    ]


def test_what_is_known_no_longer_is_told() -> None:
    """A list of differences that nobody clears would hide the next one."""
    found = unexplained("subscriptions", {"model new: 1 rows of stock alone": ""})
    assert found[0] == "model new: 1 rows of stock alone\n    "
    assert "no difference is like '^unit_test ' any more" in found
