"""The table of dbt's features is true: each row is proved by a test."""

from __future__ import annotations

import pytest

from tests.house.tree import repository

PAGE = "docs/guides/dbt.md"
VERDICTS = {"yes", "mapped", "refused", "told"}


@pytest.fixture(scope="module")
def house() -> dict[str, str]:
    """The files of this repository."""
    return repository()


@pytest.fixture(scope="module")
def rows(house: dict[str, str]) -> list[list[str]]:
    """The cells of each row of the page's first table."""
    table = house[PAGE].partition("| proof |")[2].partition("\n\n")[0]
    return [line.strip("|").split("|") for line in table.splitlines()[2:]]


def test_each_row_has_a_verdict_and_a_test(rows: list[list[str]], house: dict[str, str]) -> None:
    """The verdict is one of the page's words; the test stands in a file of tests."""
    tests = "\n".join(text for path, text in house.items() if path.startswith("tests/"))
    assert len(rows) > 20
    for feature, verdict, *_, proof in rows:
        assert verdict.strip() in VERDICTS, feature
        name = proof.strip().strip("`")
        assert name.startswith("test_"), feature
        assert f"def {name}(" in tests, feature


def test_no_feature_stands_twice(rows: list[list[str]]) -> None:
    """A reader who looks one up finds one answer."""
    features = [feature.strip() for feature, *_ in rows]
    assert len(features) == len(set(features))


def test_each_verdict_of_the_table_is_explained(house: dict[str, str]) -> None:
    """Before the table, in words."""
    head = house[PAGE].partition("## What is understood")[0]
    for verdict in VERDICTS:
        assert f"**{verdict}**" in head
