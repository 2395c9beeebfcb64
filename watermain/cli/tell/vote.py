"""`watermain vote`: what consumers think of a dataset."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from watermain.cli import screen
from watermain.cli.named import named
from watermain.clock import Clock
from watermain.engine.promise.indicator.opinion import Opinion, votes
from watermain.lake.catalog import catalog_dsn
from watermain.record.brief import person
from watermain.record.vote import Vote, VoteBook, counted, vote_of
from watermain.settings import load_settings

WINDOW = timedelta(days=90)


class VoteGroup(TyperGroup):
    """Take the name of a dataset, which has dots in it, for a vote about it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the words name; where they name none, `give`."""
        is_named = bool(args) and args[0] in self.commands
        return super().resolve_command(ctx, args if is_named else ["give", *args])


app = typer.Typer(
    cls=VoteGroup,
    no_args_is_help=True,
    subcommand_metavar="DATASET SCORE | COMMAND [ARGS]...",
    help="Say how well a dataset serves you, from 1 to 5, and see what others said.",
)
JSON = typer.Option("--json", help="Print facts as JSON.")
DAYS = typer.Option(help="How many days are looked back.", min=1, max=3650)


@app.command()
def give(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    score: Annotated[str, typer.Argument(help="From 1, useless, to 5, all that is wanted.")],
    why: Annotated[str, typer.Option(help="Why, in a sentence that its owner reads.")] = "",
    who: Annotated[
        str, typer.Option("--as", help="In whose name; without it, that of your account.")
    ] = "",
) -> None:
    """Vote on a dataset; the last vote of a person in a month is the one that counts."""
    name, now = named(dataset).name, Clock().now()
    given = vote_of(name, score, who=who or person(), why=why, at=now)
    _book().append(given)
    screen.OUT.print(f"{given.who} gives {name} {given.score} of 5 for {given.month}", markup=False)


@app.command("list")
def list_(days: Annotated[int, DAYS] = WINDOW.days, as_json: Annotated[bool, JSON] = False) -> None:
    """List the datasets that were voted on, the least liked first."""
    found: dict[str, list[Vote]] = {}
    for each in _book().since(_since(days)):
        found.setdefault(str(each.dataset), []).append(each)
    stands = sorted(((votes(said), name) for name, said in found.items()), key=_liked)
    if as_json:
        screen.facts([{"dataset": name, **_facts(stand)} for stand, name in stands])
        return
    rows = [(name, f"{stand.mean:.1f}", stand.voters, _warned(stand)) for stand, name in stands]
    screen.grid(("dataset", "mean", "voters", ""), rows, right={"mean", "voters"})


@app.command()
def show(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    days: Annotated[int, DAYS] = WINDOW.days,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Tell what was voted on a dataset, by how many and why."""
    name = named(dataset).name
    given = _book().since(_since(days), name)
    stand, last = votes(given), counted(given)[::-1]
    if as_json:
        told = [
            {"month": v.month, "who": v.who, "score": v.score, "why": v.why, "at": v.at}
            for v in last
        ]
        screen.facts({"dataset": str(name), **_facts(stand), "votes": told})
        return
    screen.OUT.print(f"{name}: {stand}", markup=False)
    screen.grid(
        ("month", "who", "score", "why"),
        [(v.month, v.who, v.score, v.why) for v in last],
        right={"score"},
    )


def _book() -> VoteBook:
    return VoteBook(lambda: catalog_dsn(load_settings()))


def _since(days: int) -> datetime:
    return Clock().now() - timedelta(days=days)


def _liked(each: tuple[Opinion, str]) -> tuple[float, str]:
    return each[0].mean or 0, each[1]


def _warned(stand: Opinion) -> str:
    return "few voters" if stand.is_thin else ""


def _facts(stand: Opinion) -> dict[str, object]:
    return {"mean": stand.mean, "voters": stand.voters, "is_thin": stand.is_thin}
