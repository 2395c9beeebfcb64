"""What dbt says, as a fault of a file."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from watermain.dbt.dbt_fault import Fault, entries, faults_of, line_of, places, said

FILES = ("models/marts/a/one.sql", "models/marts/a/one.yml", "macros/one.sql")


def test_faults_are_read_back_as_they_were_told() -> None:
    """From the manifest that carries them; an older one carries none."""
    fault = Fault(path="macros/one.sql", what="is torn", next="mend it", line=3)
    assert faults_of({"watermain": {"faults": [fault.facts()]}}) == [fault]
    assert faults_of({"nodes": {}}) == []


def test_said_is_one_line_without_colours_and_clocks() -> None:
    """What dbt prints for a terminal becomes part of a sentence."""
    assert said("\x1b[31m07:01:02  Encountered\x1b[0m\n\n  an error  ") == "Encountered an error"
    assert said(ValueError()) == "ValueError"
    assert (
        said("'x' is undefined. This can happen when calling a macro that does not exist. Check")
        == "'x' is undefined."
    )
    assert len(said("x" * 9_000)) == 600


@pytest.mark.parametrize(
    ("error", "word", "line"),
    [
        ("Syntax error near line 3", "", 3),
        ("nothing is named", "", 1),
        ("at line 9", "run_query", 2),
        ("at line 9", "query", 9),
    ],
)
def test_line_of_prefers_the_word_that_the_author_wrote(error: str, word: str, line: int) -> None:
    """A whole word, else the line that dbt names, else the first."""
    assert line_of(error, "select 1\n{{ run_query('x') }}", word) == line


def test_places_are_those_of_the_node_then_those_that_are_named() -> None:
    """A path within another path is not named."""
    error = ValueError("both models/marts/a/one.sql and old/macros/one.sql are wrong")
    assert places(error, FILES) == ["models/marts/a/one.sql"]
    error.node = SimpleNamespace(original_file_path="macros/one.sql")  # type: ignore[attr-defined]
    assert places(error, FILES) == ["macros/one.sql"]


def test_entries_are_those_of_the_model_then_those_that_are_named() -> None:
    """The entry that dbt was at, the model that a test is attached to, a name in the text."""
    content = {"models": [{"name": "one"}, {"name": "two"}, "torn"], "version": 2}
    named = ValueError("the column of two is wrong")
    assert entries(named, content) == ["models.two"]
    named.yaml_data = {"name": "one"}  # type: ignore[attr-defined]
    assert entries(named, content) == ["models.one"]
    attached = ValueError("a test")
    node = SimpleNamespace(original_file_path="x", attached_node="model.watermain.two")
    attached.node = node  # type: ignore[attr-defined]
    assert entries(attached, content) == ["models.two"]
    assert entries(ValueError("nobody"), content) == []
