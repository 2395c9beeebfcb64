"""Captures with publishes killed at every failpoint lose nothing, double nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resources.postgres import EmbeddedPostgres
from tests.faults import __main__ as program
from tests.faults.campaign import ANYWHEN, INGEST, PLACES, PUBLISH, campaign
from tests.house.tree import ROOT

KILLS = 60


def test_every_failpoint_of_the_sources_is_in_the_campaign() -> None:
    """A failpoint that somebody adds is killed at, too."""
    named = set()
    for folder in ("resources", "platform_assets"):
        for path in (ROOT / folder).rglob("*.py"):
            named |= set(re.findall(r'failpoint\("([\w.]+)"\)', path.read_text()))
    assert named == {*INGEST, *PUBLISH}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_kills_lose_nothing_double_nothing(
    tmp_path: Path, postgres: EmbeddedPostgres, capsys: pytest.CaptureFixture[str]
) -> None:
    """After each of sixty kills a retry brings the lake to what was written at the source."""
    tally = campaign(postgres, tmp_path, kills=KILLS, seed=2013)
    with capsys.disabled():
        print(f"\n{tally}")  # noqa: T201
    assert tally.problems == []
    assert tally.kills.total() == KILLS
    assert tally.files > 0
    certain = {f"{verb} {place}" for verb, place in PLACES if place != ANYWHEN}
    assert certain <= set(tally.kills)


@pytest.mark.slow
def test_long_campaign_writes_its_results(tmp_path: Path) -> None:
    """`make faults` says what it killed, keeps the page's own words."""
    page = tmp_path / "faults.md"
    page.write_text(f"# Faults\n\nWords.\n\n{program.MARK}\nold results\n")
    assert program.main(["--runs", "1", "--seed", "7", "--page", str(page)]) == 0
    text = page.read_text()
    assert text.startswith("# Faults\n\nWords.\n\n## The latest campaign\n")
    assert "old results" not in text
    assert re.search(r"seed 7, \d+ seconds\. 1 kills, \d+ changes written", text)
    assert "0 problems found" in text
