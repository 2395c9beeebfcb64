"""`watermain describe`: what one dataset promises."""

from __future__ import annotations

from typing import Annotated, Any

import pyarrow as pa
import typer

from watermain.cli import screen
from watermain.cli.catalog.reached import lake_if_any
from watermain.cli.look import facts
from watermain.cli.named import named
from watermain.cli.run.plan import downstream
from watermain.cli.screen import clock
from watermain.declare.check import NotNull
from watermain.declare.contract import Sensitivity
from watermain.declare.dataset import Dataset
from watermain.engine.audit.demand import demands
from watermain.engine.audit.need_check import need_places
from watermain.engine.publish.publication import check_labels
from watermain.engine.rooms.directory import everything


def describe(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Tell what a dataset holds: grain, columns, checks, promise, inputs and readers."""
    found = named(dataset)
    about = _declared(found) | {"columns": _columns(found), "checks": _checks(found)}
    with lake_if_any() as connection:
        standing = facts.stands({found.name: found}, connection) if connection is not None else {}
    about |= {"published": standing.get(found.name)}
    if as_json:
        screen.facts(about)
    else:
        _print(about)


def _declared(dataset: Dataset) -> dict[str, Any]:
    contract = dataset.contract
    return {
        "dataset": str(dataset.name),
        **({"broken": dataset.broken.splitlines()} if dataset.broken else {}),
        "grain": contract.grain,
        "description": " ".join(dataset.description.split("\n\n")[0].split()),
        "owner": dataset.owner,
        "declared": dataset.declared,
        "contract": contract.version,
        "key": list(contract.key) if contract.key else contract.key_told,
        "event time": contract.event_time,
        "cadence": str(dataset.cadence or "one table, without partitions"),
        "promise": dataset.slo.told(dataset.cadence) if dataset.slo and dataset.cadence else "none",
        "source": str(dataset.source or ""),
        "inputs": [str(n) for n in dataset.upstream],
        "readers": [str(n) for n in downstream(dataset.name, everything())],
    }


def _columns(dataset: Dataset) -> list[dict[str, Any]]:
    never = {c.column for c in dataset.all_checks if isinstance(c, NotNull)}
    return [
        {
            "name": c.name,
            "type": kind(c.type),
            "unit": c.unit,
            "nullable": c.name not in never,
            "sensitivity": c.sensitivity.value,
            "description": c.description,
        }
        for c in dataset.contract.columns
    ]


def _checks(dataset: Dataset) -> list[dict[str, Any]]:
    said = demands(dataset)
    places = {c.label: c.declared for c in dataset.all_checks} | need_places(dataset)
    return [
        {
            "check": label,
            "severity": severity,
            "rule": said[label],
            "declared": places.get(label) or dataset.declared,
            "is_implied": not places.get(label),
        }
        for label, severity in check_labels(dataset)
    ]


def kind(type: pa.DataType) -> str:
    """A type as people say it."""
    if pa.types.is_timestamp(type):
        return f"timestamp {type.tz}" if type.tz else "timestamp, local"
    return "date" if pa.types.is_date(type) else str(type)


def _print(about: dict[str, Any]) -> None:
    out = screen.OUT
    out.print(about["dataset"], style="bold", markup=False)
    for line in about.get("broken", []):
        out.print(line, style="red", markup=False)
    rows = [(name, _shown(about[name])) for name in about if name in SHOWN and about[name]]
    if about["published"]:
        rows.append(("published", _standing(about["published"])))
    screen.grid(("", ""), rows, wrap="")
    out.print()
    _print_columns(about["columns"])
    out.print()
    checks = [(c["check"], c["rule"], _place(c, about["declared"])) for c in about["checks"]]
    screen.grid(("check", "rule", "declared"), checks, wrap="rule")


SHOWN = (
    "grain", "description", "owner", "declared", "contract", "key", "event time", "cadence",
    "promise", "source", "inputs", "readers",
)  # fmt: skip


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _standing(stands: dict[str, Any]) -> str:
    if stands["published_at"] is None:
        return "never"
    rows = "" if stands["rows"] is None else f"{stands['rows']:,} rows"
    parts = f" in {stands['partitions']:,} partitions" if stands["partitions"] else ""
    latest = f", the last is {stands['latest_partition']}" if stands["partitions"] else ""
    return f"{rows}{parts}{latest}; at {clock(stands['published_at'])}"


def _place(check: dict[str, Any], home: str) -> str:
    """Where a check is declared, as seen from the dataset's own declaration."""
    if check["is_implied"]:
        return "the contract"
    file, _, line = check["declared"].rpartition(":")
    return f"line {line}" if home.startswith(f"{file}:") else str(check["declared"])


def _print_columns(columns: list[dict[str, Any]]) -> None:
    """Print the columns; what they may reveal only where that is more than usual."""
    telling = any(c["sensitivity"] != Sensitivity.INTERNAL for c in columns)
    units = any(c["unit"] for c in columns)
    heads = ["column", "type", "nulls", *(["unit"] if units else [])]
    heads += [*(["sensitivity"] if telling else []), "meaning"]
    rows = []
    for c in columns:
        plain = c["sensitivity"] == Sensitivity.INTERNAL
        row = [c["name"], c["type"], "" if c["nullable"] else "never"]
        row += [c["unit"]] if units else []
        row += ["" if plain else c["sensitivity"]] if telling else []
        rows.append([*row, c["description"]])
    screen.grid(heads, rows, wrap="meaning")
