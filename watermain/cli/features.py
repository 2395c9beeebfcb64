"""`watermain features`: feature tables listed, described, compared, filled, exported."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from watermain.cli import screen
from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.errors import UnknownFeatureError
from watermain.declare.feature_ref import resolve, table_name
from watermain.engine.feature import online
from watermain.engine.feature.feast import export as write
from watermain.engine.feature.feature_diff import feature_diff
from watermain.engine.feature.feature_version import definition
from watermain.engine.feature.parity import parity as compare
from watermain.engine.feature.training import OfflineStore
from watermain.engine.rooms.directory import everything
from watermain.lake.lake import Lake
from watermain.online.opening import open_store
from watermain.orchestrate.feature_check import newest_event
from watermain.settings import load_settings

app = typer.Typer(
    no_args_is_help=True, help="See feature tables, compare versions and fill stores."
)
NAME = typer.Argument(help="Such as prediction.features.airport_delay, with @2 for a version.")
JSON = typer.Option("--json", help="Print facts as JSON.")


@app.command("list")
def list_(as_json: Annotated[bool, JSON] = False) -> None:
    """List every version of every feature table, with its newest row."""
    lake, rows = Lake.from_settings(), []
    for dataset in _tables():
        feature = dataset.feature
        assert feature is not None
        newest = newest_event(lake, dataset)
        rows.append(
            {
                "table": table_name(dataset),
                "version": feature.version,
                "state": feature.state,
                "entity": ", ".join(feature.entity),
                "features": len(feature.columns(dataset.contract)),
                "max age": str(feature.max_age or "none"),
                "online": "yes" if feature.online else "no",
                "newest": f"{newest:%Y-%m-%d %H:%M}Z" if newest else "",
            }
        )
    if as_json:
        screen.facts(rows)
        return
    columns = tuple(rows[0]) if rows else ()
    screen.grid(columns, [[r[c] for c in columns] for r in rows], right={"version", "features"})


@app.command()
def describe(name: Annotated[str, NAME], as_json: Annotated[bool, JSON] = False) -> None:
    """Say of whom a table tells, what each feature means and how fresh it is in both stores."""
    dataset = _find(name)
    feature, contract = dataset.feature, dataset.contract
    assert feature is not None
    facts = {
        "dataset": str(dataset.name),
        "declared": dataset.declared,
        "owner": dataset.owner,
        "describes": dataset.description,
        "entity": ", ".join(feature.entity),
        "event time": contract.event_time,
        "known at": feature.known_at or "its event time",
        "max age": str(feature.max_age or "none"),
        "version": f"{feature.version}, {feature.state}",
        "definition": definition(dataset) or "not fixed: a candidate may change",
        "reads": ", ".join(map(str, dataset.inputs.values())),
        "newest": str(newest_event(Lake.from_settings(), dataset) or "no rows"),
        "online": _stands(dataset),
    }
    features = [contract.column(c) for c in feature.columns(contract)]
    if as_json:
        told = {c.name: [str(c.type), c.unit, c.description] for c in features}
        screen.facts({**facts, "features": told})
        return
    screen.grid(("", ""), [[k, v] for k, v in facts.items()])
    screen.OUT.print()
    rows = [[c.name, str(c.type), c.unit or "", c.description] for c in features]
    screen.grid(("feature", "type", "unit", "meaning"), rows)


def _stands(dataset: Dataset) -> str:
    """Up to where a table is filled online."""
    if not _is_online(dataset):
        return "not filled"
    with open_store(load_settings()) as store:
        cursor = store.cursor(str(dataset.name))
    return f"snapshot {cursor.snapshot}" if cursor else "not filled"


@app.command()
def diff(
    old: Annotated[str, NAME], new: Annotated[str, NAME], as_json: Annotated[bool, JSON] = False
) -> None:
    """Compare what two versions say of the same entities at the same times."""
    before, after = _find(old), _find(new)
    if table_name(before) != table_name(after):
        raise UnknownFeatureError.nothing_happened(
            f"{before.name} and {after.name} are two tables, not two versions of one",
            declared=f"{before.declared}, {after.declared}",
            next=f"name versions of one of them, such as {table_name(before)}@1",
        )
    with Lake.from_settings().get_connection() as connection:
        found = feature_diff(connection, before, after)
    if as_json:
        screen.facts(asdict(found))
        return
    told = f"{found.both:,} rows in both, {found.only_old:,} in {old}, {found.only_new:,} in {new}"
    screen.OUT.print(told, markup=False)
    for word, names in (("added", found.added), ("removed", found.removed)):
        if names:
            screen.OUT.print(f"{word}: {', '.join(names)}", markup=False)
    screen.grid(
        ("feature", "changed", "old mean", "new mean", "PSI", "KS"),
        [
            [c.feature, c.changed, _number(c.old_mean), _number(c.new_mean),
             _number(c.drift.psi), _number(c.drift.ks)]
            for c in found.changes
        ],
        right={"changed", "old mean", "new mean", "PSI", "KS"},
    )  # fmt: skip


@app.command()
def rebuild(
    names: Annotated[list[str] | None, typer.Argument(help="Tables; all when left out.")] = None,
) -> None:
    """Fill the online store from the lake anew, as after a flush."""
    chosen = [_find(n) for n in names] if names else [d for d in _tables() if _is_online(d)]
    with open_store(load_settings()) as store:
        for dataset in chosen:
            with screen.step(str(dataset.name)) as line:
                done = online.rebuild(dataset, Lake.from_settings(), store, Clock().now())
                line.say(f"{done.written:,} entities, as of snapshot {done.cursor.snapshot}")


@app.command()
def parity(
    name: Annotated[str, NAME],
    sample: Annotated[int | None, typer.Option(min=1, help="Only so many entities.")] = None,
) -> None:
    """Hold the online values against the lake's; exit 1 when one differs."""
    dataset = _find(name)
    with open_store(load_settings()) as store:
        found = compare(dataset, Lake.from_settings(), store, Clock().now(), sample)
    columns = ("compared", "missing", "stale", "different", "extra")
    screen.grid(columns, [[getattr(found, c) for c in columns]], right=set(columns))
    for key in found.samples:
        screen.OUT.print(f"  {key}", markup=False)
    raise typer.Exit(1 if found.mismatches else 0)


@app.command()
def export(
    feast: Annotated[Path, typer.Option(help="The folder that becomes a Feast repository.")],
    names: Annotated[list[str] | None, typer.Argument(help="Tables; all when left out.")] = None,
) -> None:
    """Write feature tables as a Feast repository over the same data, as of this moment."""
    current = [d for d in _tables() if d.feature and d.feature.state == "current"]
    chosen = names or list(dict.fromkeys(map(table_name, current)))
    done = write(OfflineStore(Lake.from_settings(), everything()), chosen, feast)
    rows = [[view, f"{count:,}"] for view, count in done.rows.items()]
    screen.grid(("feature view", "rows"), rows, right={"rows"})
    told = f"as of snapshot {done.snapshot}; next: cd {done.folder} && feast apply"
    screen.ERR.print(told, markup=False, style="dim")


def _tables() -> list[Dataset]:
    """Every feature table that a room declares."""
    return sorted((d for d in everything().values() if d.feature), key=lambda d: d.name)


def _find(name: str) -> Dataset:
    """The feature table that a reference names.

    Raises: UnknownFeatureError.
    """
    return resolve([name], everything())[0].dataset


def _is_online(dataset: Dataset) -> bool:
    return dataset.feature is not None and dataset.feature.is_kept_online


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"
