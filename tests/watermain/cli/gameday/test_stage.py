"""The project that a game day writes is whole; it stands where nobody needs anything."""

from __future__ import annotations

import csv
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from watermain.__main__ import app
from watermain.cli.gameday import gameday as command
from watermain.cli.gameday.scenes import SCENES
from watermain.cli.gameday.stage import LEAD, Stage, lead, refuse_others, staged, written
from watermain.cli.gameday.tides import Tides
from watermain.declare.errors import InvalidProjectError
from watermain.project import Project, find
from watermain.settings import project

NOW = datetime(2026, 6, 3, 8, 57, 12, tzinfo=UTC)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A project in which everything may fail twice."""
    return written(tmp_path, 2, 4567, Tides(7654), NOW)


def test_project_says_when_things_are_due(stage: Stage) -> None:
    """The hour that is over is due in some minutes, each time a little later."""
    assert stage.due_at[0] == NOW + lead(2) == NOW + LEAD + timedelta(minutes=1)
    assert stage.due_at[1] - stage.due_at[0] == timedelta(seconds=20)
    plan = (stage.root / "rooms" / "harbour" / "plan.py").read_text()
    assert "DUE_SECONDS = (3852, 3872,)" in plan
    assert "json://127.0.0.1:4567/" in (stage.root / "resources" / "notifiers.py").read_text()
    assert "http://127.0.0.1:7654/" in (stage.root / "resources" / "connections.py").read_text()
    assert find(stage.root).game_day


def test_nothing_is_due_in_days_where_nothing_is_to_be_late(tmp_path: Path) -> None:
    """What is not played must not page as a stranger."""
    made = written(tmp_path, 2, 4567, Tides(7654), NOW, played=["F9", "F7"])
    plan = (tmp_path / "game_day" / "rooms" / "harbour" / "plan.py").read_text()
    week = 7 * 24 * 3600
    assert f"DUE_SECONDS = ({3852 + week}, {3872 + week},)" in plan
    assert "PLAYED = ('F7', 'F9')" in plan
    assert [len(made.numbers(code)) for code in ("F1", "F7", "F9")] == [1, 2, 2]


def test_due_hour_is_the_one_whose_end_the_seconds_count_from(stage: Stage) -> None:
    """Also where the due time lies behind the next full hour."""
    end = stage.hour + timedelta(hours=1)
    assert end == datetime(2026, 6, 3, 8, tzinfo=UTC)
    assert (stage.due_at[0] - end).total_seconds() == 3852


@pytest.mark.slow
def test_project_is_sound(stage: Stage) -> None:
    """Its rooms load, with a table for each time of each failure; its contracts are released."""
    for scene in SCENES.values():
        scene.before(stage, 1)
    told = stage.sound("check")
    assert "harbour  22 datasets" in told
    assert "customs  4 datasets" in told
    assert "raw.agreed_2" in stage.sound("contract", "export")
    with (stage.drop / "thinned_1-before.csv").open() as file:
        assert len(list(csv.DictReader(file))) > 60 * 200


def test_file_is_dropped_whole_as_old_as_it_is_said(stage: Stage) -> None:
    """Nothing half is seen under its name."""
    began = time.time()
    stage.send("a-1.csv", [("x", "2026-06-03T08:00:00Z", 3)], ago=timedelta(minutes=11))
    sent = time.time()
    path = stage.drop / "a-1.csv"
    assert path.read_text() == "sighting_id,seen_at,containers\nx,2026-06-03T08:00:00Z,3\n"
    assert began - 1 <= path.stat().st_mtime + 660 <= sent + 1
    assert os.listdir(stage.drop) == ["a-1.csv"]


def test_room_is_changed_for_one_time(stage: Stage) -> None:
    """Others stay as they are."""
    stage.plan_customs({"BROKEN": {2}})
    plan = (stage.root / "rooms" / "customs" / "plan.py").read_text()
    assert plan.splitlines()[2:] == [
        "TIMES = 2",
        f"PLAYED = {tuple(SCENES)}",
        "BROKEN = (2,)",
        "KNOWN = ()",
    ]


def test_folder_goes_when_it_is_over() -> None:
    """Whatever happened, unless it is kept."""
    with pytest.raises(RuntimeError), staged(1, 9, Tides(9)) as made:
        raise RuntimeError
    assert not made.root.parent.exists()


def test_only_a_demo_or_who_says_so_may_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A company's project is refused with four lines that say how; nothing is written."""
    refuse_others(Project(root=tmp_path, demo="demo"))
    refuse_others(Project(root=tmp_path, game_day="yes"))
    assert project().demo
    plain = replace(project(), demo="", game_day="")
    monkeypatch.setattr(command, "project", lambda: plain)
    done = CliRunner().invoke(app, ["gameday", "F1"])
    assert isinstance(done.exception, InvalidProjectError)
    assert len(str(done.exception).splitlines()) == 4
    assert 'game_day = "yes"' in done.exception.next


def test_failures_are_listed_without_a_platform() -> None:
    """Each with its runbook."""
    told = CliRunner().invoke(app, ["gameday", "list"])
    assert told.exit_code == 0
    assert "a-credential-is-refused" in told.stdout
    assert len(CliRunner().invoke(app, ["gameday", "list", "--json"]).stdout.split("failure")) == 11
