"""`watermain explain`: everything that is known about one dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from watermain.cli import screen
from watermain.cli.look import facts, past
from watermain.cli.look.masking import masked_payload
from watermain.cli.named import named
from watermain.cli.run import plan
from watermain.cli.run.stale import CAUSES, PAGES, WORDS, tell_pages
from watermain.cli.screen import clock
from watermain.declare.dataset import Dataset
from watermain.engine.audit.need_check import need_labels, need_places
from watermain.engine.audit.plan import foreseen
from watermain.engine.rooms.directory import everything
from watermain.engine.table.staged import own_checks, runbook
from watermain.lake.lake import Lake
from watermain.orchestrate.instance.opening import open_instance
from watermain.orchestrate.plan.staleness import stale_now
from watermain.orchestrate.run import held_back, latest_checks
from watermain.process.instance import dagster_home, storage_url
from watermain.settings import load_settings
from watermain.source.mqtt.sequences import gaps

MOST_PARTITIONS = 10
MOST_SNAPSHOTS = 5


def explain(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    partition: Annotated[str | None, typer.Argument(help="One partition.")] = None,
    checks: Annotated[
        bool, typer.Option("--checks", help="The checks alone, each with its route and cost.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Tell a dataset's contract, neighbours, publishes, check results and positions."""
    found = named(dataset)
    if partition is not None and found.cadence is not None:
        found.cadence.window(partition)
    if checks:
        _tell_plan({"dataset": str(found.name), **_checked(found, partition)}, as_json)
        return
    facts = _declared(found, everything()) | _published(found, partition)
    facts |= {"partition": partition} | _checked(found, partition)
    facts["stale"] = list(_stale(found, partition))
    _tell_standing(facts)
    if as_json:
        screen.facts(facts)
    else:
        _print(facts)


def _declared(dataset: Dataset, everything: Any) -> dict[str, Any]:
    contract = dataset.contract
    return {
        "dataset": str(dataset.name),
        **({"broken": dataset.broken.splitlines()} if dataset.broken else {}),
        "grain": contract.grain,
        "owner": dataset.owner,
        "declared": dataset.declared,
        "key": list(contract.key) if contract.key else contract.key_told,
        "event_time": contract.event_time,
        "cadence": str(dataset.cadence) if dataset.cadence else None,
        "source": str(dataset.source) if dataset.source else None,
        "contract_version": contract.version,
        "upstream": [str(n) for n in dataset.upstream],
        "optional": sorted({str(n) for n in dataset.inputs.values() if dataset.is_optional(n)}),
        "downstream": [str(n) for n in plan.downstream(dataset.name, everything)],
        "columns": [
            {
                "name": c.name,
                "type": str(c.type),
                "unit": c.unit,
                "sensitivity": c.sensitivity.value,
                "description": c.description,
            }
            for c in contract.columns
        ],
    }


def _published(dataset: Dataset, partition: str | None) -> dict[str, Any]:
    with Lake.from_settings().get_connection() as connection:
        publishes = facts.partitions(connection, dataset)
        captured = not dataset.is_computed
        own = [] if captured else past.publishes(connection, dataset, partition, MOST_SNAPSHOTS)[0]
        positions = facts.positions(connection, dataset.name) if captured else []
        return {
            "publishes": [p for p in publishes if partition is None or p["partition"] == partition],
            "snapshots": [p["snapshot"] for p in own if p["snapshot"] is not None],
            "positions": positions,
            "missing": _missing(dataset, [str(each["position"]) for each in positions]),
            "quarantined": [
                {**row, "sample": masked_payload(dataset, row["sample"])}
                for row in facts.rows_of(connection, facts.QUARANTINED, dataset.name)
                if captured
            ],
        }


def _stale(dataset: Dataset, partition: str | None) -> Iterator[dict[str, Any]]:
    """Each stale partition, what becomes of it, and the publishes that it has not read."""
    found = stale_now(everything(), dataset.name)
    for outlook in found.outlooks.get(dataset.name, []):
        if partition in (None, outlook.due.key):
            chain = found.chain(dataset.name, outlook.due.key) if partition is not None else []
            yield {
                "partition": outlook.due.key,
                "cause": CAUSES[outlook.due.cause],
                "state": outlook.state,
                "runbook": PAGES.get(outlook.state),
                "becomes": WORDS[outlook.state] + (f": {outlook.why}" if outlook.why else ""),
                "chain": [str(step) for step in chain],
            }


def _missing(dataset: Dataset, positions: list[str]) -> list[dict[str, Any]]:
    """The numbers that devices gave to messages which never came."""
    if dataset.source_kind != "mqtt":
        return []

    return [
        {"device": device, "first": first, "last": last}
        for position in positions
        for device, first, last in gaps(position)
    ]


def _tell_standing(facts: dict[str, Any]) -> None:
    """Say of each partition that is held back what readers have of it."""
    standing = {p["partition"]: p["published_at"] for p in facts["publishes"]}
    for each in facts["held_back"]:
        each["published_at"] = standing.get(each["partition"])


def _checked(dataset: Dataset, partition: str | None) -> dict[str, Any]:
    """Each check as last evaluated, in the named partition if one is, and what is held back.

    Shapes: a table without partitions has the one partition "".
    """
    settings, planned = load_settings(), foreseen(dataset)
    severities = {c.label: str(c.severity) for c in dataset.all_checks} | dict(
        need_labels(dataset) + own_checks(dataset)
    )
    places = {c.label: c.declared for c in dataset.all_checks} | need_places(dataset)
    with open_instance(dagster_home(settings), storage_url(settings)) as instance:
        latest = latest_checks(dataset, severities, instance, partition)
        blocking = [label for label, how in severities.items() if how == "block"]
        held = held_back(dataset, blocking, instance, partition)
    found = {c.check: asdict(c) for c in latest}
    return {
        "checks": [
            {
                **found.get(label, {"check": label, "passed": None, "seconds": None}),
                "severity": severity,
                "route": found.get(label, {}).get("route") or planned.get(label, "counted"),
                "declared": places.get(label) or dataset.declared,
                "runbook": runbook(dataset, label),
            }
            for label, severity in severities.items()
        ],
        "held_back": [{"partition": key, "checks": labels} for key, labels in held.items()],
    }


def _tell_plan(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        screen.facts(facts)
        return
    screen.OUT.print("the route of each check, as last taken or as planned", style="bold")
    columns = ("check", "severity", "route", "seconds", "declared")
    rows = [[c[n] for n in columns] for c in facts["checks"]]
    screen.grid(columns, rows, right={"seconds"})


def _print(facts: dict[str, Any]) -> None:
    out = screen.OUT
    out.print(f"{facts['dataset']}", style="bold")
    for line in facts.get("broken", []):
        out.print(line, style="red", markup=False, soft_wrap=True)
    for name in ("grain", "owner", "declared", "key", "event_time", "cadence", "source"):
        value = facts[name]
        if value:
            shown = ", ".join(value) if isinstance(value, list) else value
            out.print(f"  {name.replace('_', ' '):<12}{shown}", markup=False)
    for name in ("upstream", *(["optional"] if facts["optional"] else []), "downstream"):
        out.print(f"  {name:<12}{', '.join(facts[name]) or 'nothing'}")
    out.print(f"\ncontract {facts['contract_version']}", style="bold")
    rows = [
        (c["name"], c["type"], c["unit"], c["sensitivity"], c["description"])
        for c in facts["columns"]
    ]
    screen.grid(("column", "type", "unit", "sensitivity", "meaning"), rows)
    _print_checks(facts["checks"], facts["partition"])
    _print_held(facts)
    _print_stale(facts)
    _print_publishes(facts)


def _print_held(facts: dict[str, Any]) -> None:
    """What a blocking check holds back, and what readers have in its place."""
    held = facts["held_back"]
    if not held:
        return
    screen.OUT.print("\nheld back", style="bold")
    rows = [
        (
            h["partition"] or "whole table",
            ", ".join(h["checks"]),
            f"as of {clock(h['published_at'])}" if h["published_at"] else "nothing of it",
        )
        for h in held[-MOST_PARTITIONS:]
    ]
    screen.grid(("partition", "by", "readers see"), rows)
    if len(held) > MOST_PARTITIONS:
        screen.OUT.print(f"the last {MOST_PARTITIONS} of {len(held)} partitions", style="dim")


def _print_stale(facts: dict[str, Any]) -> None:
    """What is due, and why it is not done yet."""
    stale = facts["stale"]
    if not stale:
        return
    screen.OUT.print("\nstale", style="bold")
    rows = [(s["partition"] or "whole table", s["cause"], s["becomes"]) for s in stale]
    screen.grid(("partition", "because of", "what becomes of it"), rows[-MOST_PARTITIONS:])
    for line in (line for s in stale for line in s["chain"]):
        screen.OUT.print(f"  <- {line}", markup=False, style="dim")
    if len(stale) > MOST_PARTITIONS:
        screen.OUT.print(f"the last {MOST_PARTITIONS} of {len(stale)} partitions", style="dim")
    tell_pages(s["state"] for s in stale)


def _print_checks(checks: list[dict[str, Any]], partition: str | None) -> None:
    of = f" in {partition}" if partition else ""
    screen.OUT.print(f"\nchecks, each as last evaluated{of}", style="bold")
    words = {True: "passed", False: "failed", None: "never run"}
    rows = [
        (
            c["check"],
            words[c["passed"]],
            c.get("partition"),
            c.get("rows"),
            c.get("failing"),
            "" if c["passed"] else c.get("sample"),
        )
        for c in checks
    ]
    columns = ("check", "result", "partition", "rows", "failing", "such as")
    screen.grid(columns, rows, right={"rows", "failing"})


def _print_publishes(facts: dict[str, Any]) -> None:
    publishes = facts["publishes"]
    screen.OUT.print("\npublished", style="bold")
    rows = [
        (
            p["partition"] or "whole table",
            f"{p['rows_out']:,}",
            clock(p["published_at"]),
            f"{p['seconds']:.2f}",
            p["input_snapshot"] or "",
            past.by(p["run_id"]),
        )
        for p in publishes[-MOST_PARTITIONS:]
    ]
    columns = ("partition", "rows", "at", "seconds", "read snapshot", "by")
    screen.grid(columns, rows, right={"rows", "seconds", "read snapshot"})
    if len(publishes) > MOST_PARTITIONS:
        screen.OUT.print(f"the last {MOST_PARTITIONS} of {len(publishes)} partitions", style="dim")
    if facts["snapshots"]:
        name, numbers = facts["dataset"], ", ".join(map(str, facts["snapshots"]))
        told = f"snapshots {numbers}; more: watermain history {name}"
        screen.OUT.print(f"{told}; back to one: watermain rollback {name} --to", style="dim")
    for title in ("positions", "missing", "quarantined"):
        if facts[title]:
            screen.OUT.print(f"\n{title}", style="bold")
            found = facts[title][:MOST_PARTITIONS]
            screen.grid(tuple(found[0]), [[str(v)[:60] for v in row.values()] for row in found])
