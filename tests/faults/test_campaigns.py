"""A short cut of each campaign, with the page that tells of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.faults import __main__ as program
from tests.faults import answers, fullness, one_room, page, restarts, typed_values, zombies
from tests.faults.boundaries import values
from tests.faults.campaigns import CAMPAIGNS
from tests.faults.fidelity import faithful
from tests.faults.outcome import Bench, Outcome
from tests.faults.outside import KINDS

pytestmark = pytest.mark.campaign

SHORT_BYTES = 2**20


@pytest.mark.slow
def test_lost_answers_are_found_out(bench: Bench) -> None:
    """Each way of losing the answer, twice."""
    outcome = answers.campaign(bench, 6, 2013)
    assert outcome.problems == []
    assert outcome.count == 6


@pytest.mark.slow
def test_zombies_are_refused(bench: Bench) -> None:
    """Three writers that slept past their lease."""
    outcome = zombies.campaign(bench, 3, 2013)
    assert (outcome.figures, outcome.problems) == ({"LostLeaseError": 3}, [])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_broken_room_fails_nothing(bench: Bench) -> None:
    """Twice edited, broken, mended under load; a new mart appears by itself."""
    outcome = one_room.campaign(bench, 2, 2013)
    assert outcome.problems == []
    assert outcome.figures["looks that found one dark"] == 0
    assert outcome.figures["backfills"] > 0


@pytest.mark.slow
def test_full_disk_leaves_nothing_half_done(bench: Bench) -> None:
    """Eight levels, from no room at all to room enough; or the reason why none was tried."""
    outcome = fullness.campaign(bench, 8, 2013)
    assert outcome.problems == []
    assert bool(outcome.left_out) != (set(outcome.figures) == {"DiskFullError", "published"})


@pytest.mark.slow
@pytest.mark.parametrize("restart", [restarts.lake_database, restarts.source_database])
def test_restarted_database_loses_nothing(bench: Bench, restart: restarts.Restart) -> None:
    """Once in order, once by kill -9."""
    outcome = restart(bench, 2, 2013)
    assert (outcome.count, outcome.problems) == (2, [])


@pytest.mark.services
@pytest.mark.parametrize("restart", [restarts.kafka, restarts.mosquitto])
def test_restarted_broker_loses_nothing(bench: Bench, restart: restarts.Restart) -> None:
    """Twice in order, twice by kill -9."""
    outcome = restart(bench, 4, 2013)
    assert (outcome.count, outcome.problems) == (4, [])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_values_arrive_exactly(bench: Bench, kind: str) -> None:
    """Two hundred values at the edges of their types; none is rounded, shifted, lost."""
    assert len(values(kind)) >= 200
    assert faithful(bench, kind, big_bytes=SHORT_BYTES) == []


@pytest.mark.slow
@pytest.mark.parametrize("way", typed_values.WAYS)
def test_spellings_mean_what_they_say(bench: Bench, way: str) -> None:
    """Two spellings of each type and more; some are kept, some put aside, none is changed."""
    seen, problems = typed_values.faithful(bench, way, 96, 2013)
    assert problems == []
    assert seen[f"{way}: kept"] > 10
    assert seen[f"{way}: aside"] > 10


def test_page_tells_of_each_campaign(tmp_path: Path) -> None:
    """Results are kept beside the page, each campaign's until it runs again."""
    text, held = tmp_path / "faults.md", tmp_path / "faults.json"
    text.write_text(f"# Faults\n\nWords.\n\n{page.MARK}\nold results\n")
    run = {"at": "2026-11-27", "seed": 7, "seconds": 1.5}
    page.record(held, "zombies", Outcome(count=100, figures={"LostLeaseError": 100}), **run)
    page.record(held, "rest", Outcome(count=5, problems=["one was lost"]), **run)
    page.write(text, held)
    told = text.read_text()
    assert told.startswith(f"# Faults\n\nWords.\n\n{page.MARK}\n| campaign |")
    assert "old results" not in told
    assert re.search(r"\| zombies \| .* \| 100 \| 100 \| 0 \|", told)
    assert re.search(r"\| rest \| .* \| 5 \| 500 \| 1 \|", told)
    assert "2026-11-27, seed 7, 2 seconds: 100 cases, 0 problems." in told
    assert "one was lost" in told
    assert list(json.loads(held.read_text())) == ["zombies", "rest"]
    assert {f"| {name} |" for name in CAMPAIGNS} <= set(re.findall(r"\| [\w-]+ \|", told))


@pytest.mark.slow
def test_program_runs_what_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One campaign, one case; an unknown name is answered with the right ones."""
    arguments = ["--only", "zombies", "--runs", "1", "--seed", "7"]
    assert program.main([*arguments, "--page", str(tmp_path / "faults.md")]) == 0
    assert "zombies: seed 7, 1 cases" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        program.main(["--only", "zombi"])
    assert "no campaign zombi; there are kills, answers" in capsys.readouterr().err


def test_page_shows_the_results_that_are_kept() -> None:
    """The section of results is made from the file, by nobody's hand."""
    held = json.loads(program.PAGE.with_suffix(".json").read_text())
    assert program.PAGE.read_text().endswith(page.MARK + page.rendered(held))
