"""Every check leads to a page that says what to do."""

from __future__ import annotations

import pytest

from tests.house.tree import ROOT
from watermain.declare.check import Check
from watermain.engine.table.staged import RUNBOOKS
from watermain.orchestrate.quarantine_asset import RUNBOOK

SECTIONS = ("## What it means", "## How to see it", "## What to do", "## When it is over")
NAMED = sorted({kind.runbook for kind in Check.__subclasses__()} | set(RUNBOOKS.values()))


@pytest.mark.parametrize("name", NAMED)
def test_every_check_has_a_runbook(name: str) -> None:
    """The page tells of the symptom, of what to do, of its end; the list of pages has it."""
    page = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text()
    assert [s for s in SECTIONS if s not in page] == []
    assert f"({name}.md)" in (ROOT / "docs" / "runbooks" / "README.md").read_text()


def test_quarantine_s_runbook_is_one_of_them() -> None:
    """The sibling asset leads to a page, too."""
    assert (ROOT / RUNBOOK).exists()
    assert [kind.runbook for kind in Check.__subclasses__() if not kind.runbook] == []
