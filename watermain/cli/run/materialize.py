"""`watermain materialize`: one dataset, with its upstream when asked."""

from __future__ import annotations

from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.named import named
from watermain.cli.run import plan, work
from watermain.engine.rooms.directory import everything


def materialize(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    *,
    partition: Annotated[str | None, typer.Option(help="One partition.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First of a range.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last of a range.")] = None,
    with_upstream: Annotated[
        bool, typer.Option("--with-upstream", help="Also everything it is computed from.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Run a dataset through Dagster in this process: stage, audit and publish.

    The same inputs and the same code publish nothing new.
    """
    if partition and (first or last):
        raise typer.BadParameter("--partition stands alone; a range is --from with --to")
    if bool(first) != bool(last):
        raise typer.BadParameter("a range needs both --from and --to")

    found = named(dataset)
    span = work.span_of(found, first or partition, last or partition)
    chosen = {found.name: found}
    if with_upstream:
        known = everything()
        chosen = {n: known[n] for n in plan.upstream(found.name, known)}
    facts = work.perform(plan.runs(chosen, span))
    if as_json:
        screen.facts(facts)
