"""Tests of what the demo's commands understand, of what they show."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from demo.options import LoadOptions, factor, instant, taking
from demo.pace import AT_ONCE
from demo.screen import HourlyLines, progress_bar, report


@dataclass(frozen=True, kw_only=True)
class Order:
    """The options of a command made up for this test."""

    cups: Annotated[int, typer.Option(help="How many.")] = 1
    with_milk: Annotated[bool, typer.Option("--milk", help="White.")] = False


def test_command_takes_the_fields_of_a_dataclass_as_options() -> None:
    app = typer.Typer()

    @app.command()
    @taking(Order)
    def coffee(order: Order) -> None:
        """Bring coffee."""
        typer.echo(repr(order))

    run = CliRunner().invoke
    assert run(app, []).output == f"{Order()!r}\n"
    assert run(app, ["--cups", "2", "--milk"]).output == f"{Order(cups=2, with_milk=True)!r}\n"
    assert run(app, ["--cups", "two"]).exit_code == 2
    told = run(app, ["--help"], env={"COLUMNS": "120"}).output
    assert "Bring coffee." in told
    assert "How many." in told


@pytest.mark.parametrize(
    ("word", "speed"), [("fast", AT_ONCE), ("1", 1.0), ("0.5", 0.5), ("3600", 3600.0)]
)
def test_speed_is_read(word: str, speed: float) -> None:
    assert factor(word) == speed


@pytest.mark.parametrize("word", ["", "0", "-1", "nan", "inf", "quick"])
def test_speed_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(typer.BadParameter, match="'fast' or a positive number"):
        factor(word)


def test_times_are_those_of_new_york() -> None:
    assert instant(None) is None
    winter, summer = datetime(2013, 1, 1, 12), datetime(2013, 7, 1, 12)
    assert instant(winter) == datetime(2013, 1, 1, 17, tzinfo=UTC)
    assert instant(summer) == datetime(2013, 7, 1, 16, tzinfo=UTC)


def test_days_to_load_are_january_unless_told() -> None:
    assert (LoadOptions().days[0], LoadOptions().days[-1]) == (
        date(2013, 1, 1),
        date(2013, 1, 31),
    )
    assert len(LoadOptions(as_recorded=True, year=True).days) == 365
    assert LoadOptions(as_recorded=True, until=datetime(2013, 1, 1)).days == [date(2013, 1, 1)]


def test_folder_comes_from_the_settings_unless_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATERMAIN_DATA_DIR", str(tmp_path / "set"))
    assert LoadOptions().folder == tmp_path / "set"
    assert LoadOptions(data_dir=tmp_path / "told").folder == tmp_path / "told"


def test_lines_are_one_for_each_hour(capsys: pytest.CaptureFixture[str]) -> None:
    lines, noon = HourlyLines(), datetime(2026, 11, 24, 17, tzinfo=UTC)
    lines.announce(9)
    lines.tell(3, noon)
    lines.tell(2, noon + timedelta(minutes=20))
    lines.tell(4, noon + timedelta(minutes=40))
    lines.close()
    lines.close()
    assert capsys.readouterr().err.splitlines() == [
        "9 changes are due until the end of tomorrow's flights",
        "2026-11-24 11:00 EST  3 changes",
        "2026-11-24 12:00 EST  6 changes",
    ]


def test_bar_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as bar:
        bar.announce(10)
        bar.tell(10, datetime(2013, 1, 1, tzinfo=UTC))
    assert capsys.readouterr() == ("", "")


def test_report_is_for_scripts_or_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    report({"flights": 3}, "three flights", as_json=True)
    report({"flights": 3}, "three flights", as_json=False)
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first) == {"flights": 3}
    assert second == "three flights"
