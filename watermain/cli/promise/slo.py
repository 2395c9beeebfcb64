"""`watermain slo`: whether promises are kept, with what room is left."""

from __future__ import annotations

import getpass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from watermain.cli import screen
from watermain.cli.named import named
from watermain.cli.outlet_file import written_to
from watermain.cli.promise.measured import Measuring
from watermain.cli.promise.plot import LEGEND, budget_lines
from watermain.cli.promise.standings import AWAY, PromiseStanding, book, one, promised, standings
from watermain.cli.promise.volume import noticed, rows_by_day
from watermain.cli.screen import clock
from watermain.clock import Clock
from watermain.declare.wording import lasting, share
from watermain.engine.promise.calendar import Promised, events
from watermain.engine.promise.heard import unheard
from watermain.engine.promise.openslo import documents
from watermain.engine.rooms.directory import everything
from watermain.lake.lake import Lake
from watermain.observe.watch.ledger.completeness import DailyRows, smallest_drop

app = typer.Typer(no_args_is_help=True, help="See whether promises are kept, and write them down.")
NAME = typer.Argument(help="Such as operations.curated.flights.")
PARTITION = typer.Argument(help="Such as 2026-11-30.")
WHY = typer.Option(help="Why, in a sentence that others will read.")
JSON = typer.Option("--json", help="Print facts as JSON.")
MOST_SHOWN = 10
TOLD = ("partition", "due_at", "state", "ready_at", "judged_at", "by", "why")  # of a verdict
COLORS = {"met": "green", "burning": "yellow", "breached": "red", "not measured": "magenta"}


@app.command("list")
def list_(as_json: Annotated[bool, JSON] = False) -> None:
    """List every promise: its state, what was missed, what may still be, what was measured."""
    found = _stand([*promised().values()])
    if as_json:
        screen.facts([each.facts() for each in found])
        return
    columns = ("dataset", "state", "in time", "left", "measured", "promise")
    rows = []
    for each in found:
        stands = each.status
        counted = f"{stands.good} of {stands.good + stands.bad}"
        told = each.promised.slo.told(each.promised.cadence)
        row = (str(each.promised.dataset), stands.state, counted, stands.left)
        rows.append((*row, share(round(stands.coverage, 3)), told))
    screen.grid(columns, rows, right={"in time", "left", "measured"})


@app.command()
def show(dataset: Annotated[str, NAME], as_json: Annotated[bool, JSON] = False) -> None:
    """Tell a promise, how it stands, and what was judged of the last partitions."""
    (found,) = _stand([one(dataset)])
    verdicts = sorted(found.verdicts.values(), key=lambda v: v.due_at, reverse=True)[:MOST_SHOWN]
    if as_json:
        told = [{name: getattr(v, name) for name in TOLD} for v in verdicts]
        least = smallest_drop(_rows(found.promised), Clock().now())
        screen.facts({**found.facts(), "smallest_drop": least, "verdicts": told})
        return
    _head(found)
    slo = found.promised.slo
    screen.OUT.print(f"  kept by   {found.promised.kept_by}, {slo.urgency}", markup=False)
    screen.OUT.print(f"  hours     {slo.hours}", markup=False)
    if slo.consumers:
        screen.OUT.print(f"  consumers {', '.join(slo.consumers)}", markup=False)
    if drop := noticed(_rows(found.promised), Clock().now()):
        screen.OUT.print(f"  notices   {drop}", markup=False, highlight=False)
    for sentence in unheard(found.promised):
        screen.OUT.print(f"  silent    {sentence}", markup=False)
    screen.OUT.print()
    rows = [
        (
            v.partition,
            clock(v.due_at),
            v.state,
            "" if v.late_by is None else f"{lasting(v.late_by)} late",
            v.why if v.by == "evaluator" else f"{v.why} ({v.by})",
        )
        for v in verdicts
    ]
    screen.grid(("partition", "due", "state", "came", "why"), rows)


@app.command()
def indicators(dataset: Annotated[str, NAME], as_json: Annotated[bool, JSON] = False) -> None:
    """Tell what is measured of a dataset, each figure with its unit and its source."""
    measuring = Measuring(
        dataset=named(dataset),
        everything=[*everything().values()],
        promised=promised().get(dataset),
        book=book(),
        lake=Lake.from_settings(),
        now=Clock().now(),
    )
    found = list(measuring.all())
    if as_json:
        screen.facts([each.facts() for each in found])
        return
    rows = [
        (
            each.indicator.number,
            each.indicator.name,
            "" if each.value is None else f"{each.value:,.6g}",
            each.unit,
            each.told,
            each.indicator.source,
        )
        for each in found
    ]
    screen.grid(("", "indicator", "value", "unit", "of", "source"), rows, right={"value"})


@app.command()
def budget(dataset: Annotated[str, NAME], as_json: Annotated[bool, JSON] = False) -> None:
    """Plot how the room for misses was spent, partition by partition."""
    (found,) = _stand([one(dataset)])
    if as_json:
        days = [
            {"partition": e.partition, "due_at": e.due_at, "state": state}
            for e, state in found.status.days
        ]
        screen.facts({**found.facts(), "partitions": days})
        return
    _head(found)
    screen.OUT.print()
    for line in budget_lines(found.status, screen.OUT.width - 8):
        screen.OUT.print(line, markup=False, highlight=False)
    screen.OUT.print(f"\n      {LEGEND}", style="dim", markup=False)


@app.command()
def excuse(
    dataset: Annotated[str, NAME],
    partition: Annotated[str, PARTITION],
    why: Annotated[str, WHY],
) -> None:
    """Declare, before it is due, that a partition will count neither way."""
    found, now, by = one(dataset), Clock().now(), getpass.getuser()
    due_at = found.slo.at(found.cadence.window(partition).end)
    if now >= due_at:
        raise typer.BadParameter(_too_late(found, partition, due_at))
    book().excuse(found.dataset, partition, why=why, by=by, now=now)
    screen.OUT.print(f"{dataset} {partition} is excused by {by}: {why}", markup=False)


def _too_late(found: Promised, partition: str, due_at: datetime) -> str:
    """What becomes of a partition that was due, and so cannot be excused any more."""
    was, terms = f"{partition} was due at {due_at:%F %H:%M} UTC", book().terms()
    mine = terms.get(found.dataset, [])
    if not events(mine, due_at - timedelta(microseconds=1), due_at):
        begun = f", which began at {mine[0].since:%F %H:%M} UTC" if mine else ""
        return f"{was}, outside the promise{begun}: it counts neither way already"
    return f"{was}: watermain slo correct {found.dataset} {partition} excused --why '...'"


@app.command()
def correct(
    dataset: Annotated[str, NAME],
    partition: Annotated[str, PARTITION],
    state: Annotated[str, typer.Argument(help="good, bad or excused.")],
    why: Annotated[str, WHY],
) -> None:
    """Sign another verdict about a partition; the one before stays written."""
    states: dict[str, Literal["good", "bad", "excused"]] = {
        "good": "good",
        "bad": "bad",
        "excused": "excused",
    }
    if state not in states:
        raise typer.BadParameter(f"{state!r} is none of {', '.join(states)}")
    found, now, by = one(dataset), Clock().now(), getpass.getuser()
    book().correct(found.dataset, partition, states[state], why=why, by=by, now=now)
    screen.OUT.print(f"{dataset} {partition} is {state}, signed by {by}: {why}", markup=False)


@app.command()
def export(
    to: Annotated[Path | None, typer.Option(help="A file to write; else the terminal.")] = None,
) -> None:
    """Write every promise as a document of OpenSLO, version 1."""
    text = documents(promised().values())
    if to is None:
        typer.echo(text, nl=False)
        return
    with written_to(to):
        to.write_text(text, encoding="utf-8")
    screen.OUT.print(f"{len(promised())} promises written to {to}", markup=False)


def _rows(of: Promised) -> DailyRows:
    captured = of.dataset.stage == "raw"
    return rows_by_day(
        of.dataset, of.cadence, of, Lake.from_settings(), is_captured=captured, now=Clock().now()
    )


def _stand(wanted: list[Promised]) -> list[PromiseStanding]:
    """How promises stand; where nobody judges, that is said beside."""
    kept, now = book(), Clock().now()
    found = standings(wanted, kept, now)
    _tell_away(kept.evaluated_at(), now)
    if not wanted:
        screen.ERR.print("nothing is promised by a room that was ever loaded: watermain check")
    return found


def _tell_away(at: datetime | None, now: datetime) -> None:
    if at is None:
        screen.ERR.print("nothing was judged yet; the evaluator starts with: watermain up")
    elif now - at > AWAY:
        screen.ERR.print(f"last judged at {clock(at)}; see: watermain status", style="yellow")


def _head(found: PromiseStanding) -> None:
    stands, slo = found.status, found.promised.slo
    screen.OUT.print(f"[bold]{found.promised.dataset}[/bold]", highlight=False)
    screen.OUT.print(f"  promise   {slo.told(found.promised.cadence)}", markup=False)
    color = COLORS[stands.state]
    counted = f"{stands.good} of {stands.good + stands.bad} in time"
    line = f"{counted}, {max(0, stands.left)} may still be missed"
    screen.OUT.print(f"  state     [{color}]{stands.state}[/{color}]: {line}", highlight=False)
    if stands.interval is not None:
        low, high = stands.interval
        sure = f"between {share(round(low, 3))} and {share(round(high, 3))} by so few"
        screen.OUT.print(f"  certainty {sure}", markup=False, highlight=False)
    if stands.unknown:
        screen.OUT.print(f"  measured  {share(round(stands.coverage, 3))} of what was due")
