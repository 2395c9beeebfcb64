"""`watermain branch`: isolated copies of the lake that copy no data."""

from __future__ import annotations

from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.look.diff import facts_of, show
from watermain.cli.named import named
from watermain.cli.run import plan, work
from watermain.engine.publish.canary import differences
from watermain.engine.publish.publication import Job
from watermain.engine.publish.restore import promote as publish
from watermain.engine.rooms.directory import everything, find
from watermain.lake import branch
from watermain.lake.lake import Lake

app = typer.Typer(no_args_is_help=True, help="Work beside what readers see.")

Name = Annotated[str, typer.Argument(help="The branch, lower case.")]
Json = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]


@app.command()
def create(name: Name, as_json: Json = False) -> None:
    """Make a branch of the lake as it stands; no data is copied."""
    with screen.step(f"branch {name}") as line:
        made = branch.create(Lake.from_settings(), name)
        line.say(f"made of snapshot {made.base}")
    if as_json:
        screen.facts({"branch": made.name, "base": made.base, "created_at": made.created_at})


@app.command(name="list")
def list_branches(as_json: Json = False) -> None:
    """List the branches, the oldest first."""
    known = branch.branches(Lake.from_settings())
    if as_json:
        screen.facts(
            [{"branch": b.name, "base": b.base, "created_at": b.created_at} for b in known]
        )
    else:
        rows = [(b.name, b.base, f"{b.created_at:%Y-%m-%d %H:%M}") for b in known]
        screen.grid(["branch", "base", "created"], rows, right={"base"})


@app.command()
def build(
    name: Name,
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    *,
    first: Annotated[str | None, typer.Option("--from", help="First partition.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last partition.")] = None,
    with_upstream: Annotated[
        bool, typer.Option("--with-upstream", help="Also everything it is computed from.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compute a dataset in a branch: stage, audit and publish where readers do not look."""
    found = named(dataset)
    span = work.span_of(found, first, last, f"branch build {name}")
    chosen = {found.name: found}
    if with_upstream:
        known = everything()
        chosen = {n: known[n] for n in plan.upstream(found.name, known) if not known[n].source}
    facts = work.build_in(name, plan.runs(chosen, span))
    if as_json:
        screen.facts(facts)


@app.command()
def diff(name: Name, as_json: Json = False) -> None:
    """Tell what a branch built differs from what it was made of."""
    found = differences(Lake.from_settings(), name, find)
    if as_json:
        screen.facts([facts_of(d) for d in found])
        return
    for one in found:
        show(one)
    if not found:
        screen.ERR.print(f"the branch {name} built nothing")


@app.command()
def promote(name: Name, as_json: Json = False) -> None:
    """Publish what a branch built in one transaction, and then tell downstream."""
    with screen.step(f"promote {name}") as line:
        done = publish(name, Job(lake=Lake.from_settings(), find=find, run_id=f"promote {name}"))
        parts = sum(len(each.rows) for each in done)
        line.say(
            f"{screen.count(parts, 'part')} of {screen.count(len(done), 'dataset')},"
            f" snapshot {done[0].snapshot}"
        )
    work.tell_dagster([each.publication for each in done])
    if as_json:
        screen.facts({str(d.dataset.name): [r.partition for r in d.rows] for d in done})


@app.command()
def drop(name: Name) -> None:
    """Forget a branch and everything it built."""
    with screen.step(f"drop {name}") as line:
        branch.drop(Lake.from_settings(), name)
        line.say("gone; the lake is as it was")
