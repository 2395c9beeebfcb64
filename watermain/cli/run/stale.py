"""`watermain stale`: what is due with its reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Annotated, Any

import typer

from watermain.cli import screen
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.plan.survey import Outlook
from watermain.engine.rooms.directory import everything, find
from watermain.engine.table.partition import spans
from watermain.orchestrate.plan.staleness import Stale, stale_now

WORDS = {
    "ready": "asked for at the planner's next look",
    "waits": "waits",
    "runs": "under way",
    "rests": "rests",
    "held": "held back",
    "failing": "failed",
    "closed": "closed",
    "large": "too much to be asked for by itself",
    "later": "has not begun",
}
CAUSES = {"missing": "never published", "inputs": "new inputs", "code": "new code"}
PAGES = {
    "held": "docs/runbooks/partitions-held-back.md",
    "failing": "docs/runbooks/partitions-given-up.md",
    "large": "docs/runbooks/partitions-beyond-the-guard.md",
}
MOST_SHOWN = 40


def stale(
    dataset: Annotated[str | None, typer.Argument(help="One dataset; none means all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """List the partitions that are due, why, and what becomes of each.

    What a stream follows is left to it, and what has a schedule of its own to that.
    """
    wanted = find(DatasetName.parse(dataset)) if dataset else None
    found = stale_now(everything(), wanted.name if wanted else None)
    facts = list(_facts(found))
    if as_json:
        screen.facts({"snapshot": found.snapshot, "stale": facts})
        return
    if not facts:
        screen.OUT.print("nothing is stale", style="green")
        return
    rows = [(f["dataset"], _keys(f), f["cause"], f["becomes"]) for f in facts[:MOST_SHOWN]]
    screen.grid(("dataset", "partitions", "because of", "what becomes of it"), rows)
    for fact in facts[:MOST_SHOWN]:
        for line in fact["chain"]:
            screen.ERR.print(
                f"{fact['dataset']} {fact['first']}".rstrip() + f"  <- {line}", style="dim"
            )
    if len(facts) > MOST_SHOWN:
        screen.ERR.print(f"the first {MOST_SHOWN} of {len(facts)} lines", style="dim")
    tell_pages(f["state"] for f in facts)


def tell_pages(states: Iterable[str]) -> None:
    """Name the page that says what to do about each state that does not end by itself."""
    found = set(states)
    for state, page in PAGES.items():
        if state in found:
            screen.ERR.print(f"what to do about {WORDS[state]}: {page}", style="dim")


def _facts(found: Stale) -> Iterator[dict[str, Any]]:
    """A line for each stretch of partitions of which the same is to be said."""
    for name, outlooks in found.outlooks.items():
        dataset = found.datasets[name]
        for (state, cause, why), group in groupby(outlooks, _said):
            for first, last, count in _stretches(dataset, list(group)):
                yield {
                    "dataset": str(name),
                    "first": first,
                    "last": last,
                    "partitions": count,
                    "cause": CAUSES[cause],
                    "state": state,
                    "becomes": f"{WORDS[state]}: {why}" if why else WORDS[state],
                    "runbook": PAGES.get(state),
                    "chain": [str(step) for step in found.chain(name, first)],
                }


def _said(outlook: Outlook) -> tuple[str, str, str]:
    return outlook.state, outlook.due.cause, outlook.why


def _stretches(dataset: Dataset, outlooks: list[Outlook]) -> Iterator[tuple[str, str, int]]:
    keys = [v.due.key for v in outlooks]
    if dataset.cadence is None:
        yield "", "", 1
        return
    for span in spans(dataset.cadence, keys):
        yield span.first, span.last, len(span.keys)


def _keys(fact: dict[str, Any]) -> str:
    if not fact["first"]:
        return "whole table"
    if fact["first"] == fact["last"]:
        return str(fact["first"])
    return f"{fact['first']}..{fact['last']} ({fact['partitions']})"
