"""`watermain gameday`: every failure provoked where it harms nobody, to see what comes of it."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.exits import FAILED
from watermain.cli.gameday import report
from watermain.cli.gameday.director import Director
from watermain.cli.gameday.failure import FAILURES, Failure, FailureSeen, chosen
from watermain.cli.gameday.pager import GamePager, game_pager
from watermain.cli.gameday.scenes import SCENES
from watermain.cli.gameday.stage import Stage, refuse_others, staged
from watermain.cli.gameday.tides import tides
from watermain.cli.outlet_file import written_to
from watermain.machine.extras import need
from watermain.settings import project

LIST = "list"


def gameday(
    failures: Annotated[
        list[str] | None,
        typer.Argument(help="Such as F1 F5; `list` only lists them, and none means all."),
    ] = None,
    times: Annotated[int, typer.Option(min=1, max=9, help="How often each is provoked.")] = 1,
    to: Annotated[Path | None, typer.Option(help="Write the page to this file.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the platform's folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Provoke failures on a small platform of its own, and tell what came of each.

    It runs for the demo, and for a project that says `game_day`. Ends with 1 when something was
    not as it has to be.
    """
    if failures == [LIST]:
        _list(as_json=as_json)
        return
    wanted = chosen(failures or [])
    refuse_others(project())
    need("alerts", declared="watermain gameday")
    with (
        game_pager() as pager,
        tides() as outside,
        staged(
            times, pager.port, outside, played=[each.code for each in wanted], keep=keep
        ) as stage,
    ):
        seen = _played(stage, pager, wanted, times)
    others = report.strangers(pager.heard, wanted)
    if to is not None:
        with written_to(to):
            to.write_text(report.page(seen, others, datetime.now(UTC)), encoding="utf-8")
    if as_json:
        told = [each.title for each in others]
        screen.facts({"failures": [report.facts(each) for each in seen], "others": told})
    else:
        screen.OUT.print(report.page(seen, others, datetime.now(UTC)), markup=False, end="")
    if others or any(each.wrong for each in seen):
        raise typer.Exit(FAILED)


def _played(stage: Stage, pager: GamePager, wanted: list[Failure], times: int) -> list[FailureSeen]:
    """Bring the stage up, and let each failure happen so many times."""
    cases = [(SCENES[each.code], number) for each in wanted for number in range(1, times + 1)]
    for code, each in SCENES.items():  # a platform comes up where all is well, also what stays so
        for number in stage.numbers(code):
            each.before(stage, number)
    with ExitStack() as stack:
        with screen.step("a platform of its own", spinner=False) as line:
            stage.sound("contract", "export")
            stack.enter_context(stage.up())
            for scene, number in cases:
                scene.ready(stage, number)
            line.say(f"{stage.root}, port {stage.port}")
        return Director(stage, pager, _tell).play(wanted, times)


def _list(*, as_json: bool) -> None:
    if as_json:
        known = [
            {"failure": f.code, "title": f.title, "runbook": f.runbook} for f in FAILURES.values()
        ]
        screen.facts(known)
        return
    rows = [(f.code, f.title, f.severity, f.runbook, f.provoked) for f in FAILURES.values()]
    screen.grid(
        ("", "failure", "is a", "runbook", "how it is provoked"), rows, wrap="how it is provoked"
    )


def _tell(text: str) -> None:
    screen.ERR.print(f"{datetime.now(UTC):%T} {text}", markup=False)
