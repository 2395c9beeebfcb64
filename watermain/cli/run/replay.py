"""`watermain replay`: what is computed from raw, rebuilt from raw alone."""

from __future__ import annotations

from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.named import named
from watermain.cli.run import plan, work
from watermain.declare.errors import InvalidPartitionError
from watermain.engine.rooms.directory import everything
from watermain.orchestrate.tags import REBUILD


def replay(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    first: Annotated[str | None, typer.Option("--from", help="First partition.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last partition.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Rebuild a dataset, and everything between raw and it, from raw alone.

    The sources are not asked, and partitions are replaced even when nothing changed.
    """
    if bool(first) != bool(last):
        raise typer.BadParameter("a range needs both --from and --to")

    found = named(dataset)
    if not found.is_computed:
        known = everything()
        readers = plan.downstream(found.name, known)
        raise InvalidPartitionError(
            f"{found.name} is raw: it is captured once, never rebuilt",
            declared=found.declared,
            data="unchanged",
            next=f"replay what is computed from it: {', '.join(map(str, readers)) or 'nothing is'}",
        )
    span = work.span_of(found, first, last, "replay")
    known = everything()
    between = plan.upstream(found.name, known)
    chosen = {n: known[n] for n in between if known[n].is_computed}
    facts = work.perform(plan.runs(chosen, span), tags={REBUILD: "true"})
    if as_json:
        screen.facts(facts)
