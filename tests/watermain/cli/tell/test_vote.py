"""`watermain vote`: cast, listed and told of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from watermain.__main__ import app
from watermain.declare.errors import InvalidDeclarationError, UnknownDatasetError, WatermainError

FLIGHTS, AIRPORTS = "operations.curated.flights", "operations.curated.airports"


def run(*words: str) -> Result:
    """What the command says."""
    return CliRunner().invoke(app, ["vote", *words])


@pytest.fixture
def voted(home: Path) -> None:
    """Two people, of whom one thought again, and one who likes another dataset."""
    for words in (
        (FLIGHTS, "1", "--as", "ann"),
        (FLIGHTS, "4", "--as", "ann", "--why", "fewer gaps now"),
        (FLIGHTS, "3", "--as", "bob"),
        (AIRPORTS, "2", "--as", "eve"),
    ):
        assert run(*words).exit_code == 0


def test_vote_says_what_was_counted(home: Path) -> None:
    """A dataset and a score are all that it takes."""
    said = run(FLIGHTS, "4", "--as", "ann").stdout
    assert said.startswith(f"ann gives {FLIGHTS} 4 of 5 for 20")


def test_vote_shows_the_mean_with_its_voters(voted: None) -> None:
    """The first vote of Ann is not counted; two voters are said to be few."""
    said = run("show", FLIGHTS).stdout
    assert "3.5 of 5 by 2 people, too few for a mean to say much" in said
    assert "fewer gaps now" in said
    facts = json.loads(run("show", FLIGHTS, "--json").stdout)
    assert (facts["mean"], facts["voters"], facts["is_thin"]) == (3.5, 2, True)
    assert [(v["who"], v["score"]) for v in facts["votes"]] == [("bob", 3), ("ann", 4)]


def test_vote_lists_the_least_liked_first(voted: None) -> None:
    """Every dataset with a vote, and how many stand behind it."""
    facts = json.loads(run("list", "--json").stdout)
    assert [(f["dataset"], f["mean"], f["voters"]) for f in facts] == [
        (AIRPORTS, 2.0, 1),
        (FLIGHTS, 3.5, 2),
    ]
    assert "few voters" in run("list").stdout


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((FLIGHTS, "6"), InvalidDeclarationError),
        ((FLIGHTS, "much"), InvalidDeclarationError),
        (("operations.curated.flight", "4"), UnknownDatasetError),
        (("flights", "4"), UnknownDatasetError),
    ],
)
def test_vote_refuses_what_cannot_be_counted(
    home: Path, words: tuple[str, ...], error: type[WatermainError]
) -> None:
    """A wrong score or a wrong name is refused in four lines."""
    caught = run(*words).exception
    assert isinstance(caught, error)
    assert len(str(caught).splitlines()) == 4
