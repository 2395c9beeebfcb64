"""`watermain diff`: how changed code would change a dataset."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from watermain.cli import screen
from watermain.cli.exits import FAILED
from watermain.cli.named import named
from watermain.cli.span import span_of
from watermain.engine.publish.canary import Canary, canary
from watermain.engine.publish.publication import Job
from watermain.engine.rooms.directory import find
from watermain.lake.lake import Lake

PUBLISHED = "PUBLISHED"


class DiffForm(StrEnum):
    """How a difference is told."""

    table = "table"
    json = "json"
    markdown = "markdown"


def diff(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    *,
    against: Annotated[
        str, typer.Option(help="PUBLISHED, or the number of a snapshot.")
    ] = PUBLISHED,
    partition: Annotated[str | None, typer.Option(help="One partition.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First of a range.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last of a range.")] = None,
    form: Annotated[DiffForm, typer.Option("--format", help="How to tell it.")] = DiffForm.table,
) -> None:
    """Build a dataset beside what is published and tell how they differ; readers see nothing.

    Ends with 1 when a blocking check would refuse the rows.
    """
    if against != PUBLISHED and not against.isdigit():
        raise typer.BadParameter("--against takes PUBLISHED or the number of a snapshot")

    found = named(dataset)
    span = span_of(found, first or partition, last or partition, "diff")
    job = Job(lake=Lake.from_settings(), find=find, run_id="diff")
    snapshot = None if against == PUBLISHED else int(against)
    told = canary(found, span, job, against=snapshot)
    if form is DiffForm.json:
        screen.facts(facts_of(told))
    elif form is DiffForm.markdown:
        screen.OUT.print(markdown(told), markup=False)
    else:
        show(told)
    if told.blocked:
        raise typer.Exit(FAILED)


def facts_of(told: Canary) -> dict[str, Any]:
    """The difference as facts."""
    change = told.difference
    return {
        "dataset": str(told.dataset.name),
        "partitions": len(told.partitions),
        "rows_before": change.before,
        "rows_after": change.after,
        "added": change.added,
        "removed": change.removed,
        "changed": change.changed,
        "columns": dict(change.columns),
        "gained": dict(change.gained),
        "lost": dict(change.lost),
        "retyped": {n: list(t) for n, t in change.retyped.items()},
        "failing_checks": _failing(told),
        "samples": [dict(s) for s in change.samples],
    }


def show(told: Canary) -> None:
    """Print the difference for a reader."""
    facts = facts_of(told)
    screen.OUT.print(f"{facts['dataset']}", style="bold")
    screen.OUT.print(
        f"  rows     {facts['rows_before']:,} -> {facts['rows_after']:,}:"
        f" {facts['added']:,} added, {facts['removed']:,} removed, {facts['changed']:,} changed"
    )
    for name, count in facts["columns"].items():
        screen.OUT.print(f"  column   {name}: {count:,} values differ")
    for line in _shape(told):
        screen.OUT.print(f"  schema   {line}")
    for check, failing in facts["failing_checks"].items():
        screen.OUT.print(f"  check    {check}: {failing:,} rows fail", style="red")
    for sample in facts["samples"]:
        screen.OUT.print(f"  {_sample(sample)}", style="dim", markup=False)


def markdown(told: Canary) -> str:
    """The difference as a comment for a pull request."""
    facts = facts_of(told)
    lines = [
        f"### `{facts['dataset']}`",
        "",
        "| rows before | after | added | removed | changed |",
        "|---|---|---|---|---|",
        f"| {facts['rows_before']:,} | {facts['rows_after']:,} | {facts['added']:,}"
        f" | {facts['removed']:,} | {facts['changed']:,} |",
    ]
    points = [
        *(f"- column `{n}`: {c:,} values differ" for n, c in facts["columns"].items()),
        *(f"- schema: {line}" for line in _shape(told)),
        *(f"- check `{c}` fails for {n:,} rows" for c, n in facts["failing_checks"].items()),
    ]
    samples = [f"    {_sample(s)}" for s in facts["samples"]]
    return "\n".join(
        [*lines, *(["", *points] if points else []), *(["", *samples] if samples else [])]
    )


def _failing(told: Canary) -> dict[str, int]:
    failing: dict[str, int] = {}
    for finding in told.findings:
        if not finding.passed:
            failing[finding.check] = failing.get(finding.check, 0) + finding.failing
    return failing


def _shape(told: Canary) -> list[str]:
    change = told.difference
    return [
        *(f"`{n}` {kind} is new" for n, kind in change.gained.items()),
        *(f"`{n}` {kind} is gone" for n, kind in change.lost.items()),
        *(f"`{n}` {old} -> {new}" for n, (old, new) in change.retyped.items()),
    ]


def _sample(sample: dict[str, Any]) -> str:
    key = ", ".join(f"{k}={v}" for k, v in sample["key"].items())
    values = sample.get("values", {})
    changed = "; ".join(f"{n}: {old} -> {new}" for n, (old, new) in values.items())
    return f"{sample['row']:<8} {key}" + (f"  {changed}" if changed else "")
