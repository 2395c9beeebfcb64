"""The class of what a body is given is part of its code."""

from __future__ import annotations

import pytest

from tests.watermain.engine.code.test_code import Load, load, version

__all__ = ["load"]

GIVEN = """
from dataclasses import dataclass

import ibis
import polars as pl


@dataclass
class Inputs:
    \"\"\"What it reads.\"\"\"

    events: ibis.Table

    def kept(self):
        return self.events.filter(self.events.amount > 3)


def body(given: Inputs):
    return given.kept()
"""


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("> 3", "> 4", False),
        ("events: ibis.Table", "events: pl.DataFrame", False),
        ("What it reads.", "What it is given.", True),
    ],
)
def test_class_of_what_a_body_is_given_counts(
    load: Load, before: str, after: str, same: bool
) -> None:
    """Its methods decide rows as the body does, and so do the kinds of table that it asks for."""
    first = version(load({"__init__.py": "", "body.py": GIVEN}).body)
    changed = load({"__init__.py": "", "body.py": GIVEN.replace(before, after)})
    assert (version(changed.body) == first) is same
