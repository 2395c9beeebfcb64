"""`watermain list`: the datasets that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from watermain.cli import screen
from watermain.cli.catalog.reached import lake_if_any
from watermain.cli.look import facts
from watermain.cli.named import nearest
from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.errors import UnknownDatasetError, quoted
from watermain.declare.name import STAGES, DatasetName
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.directory import everything
from watermain.settings import project

WIDE = 100  # columns of a terminal


def list_(
    room: Annotated[str | None, typer.Argument(help="One room; without it all of them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """List the datasets with cadence, rows, last publish and owner, room by room."""
    found = _of(room)
    with lake_if_any() as connection:
        standing = facts.stands(found, connection) if connection is not None else {}
    unknown = dict.fromkeys(("rows", "published_at"))
    told_facts = [_declared(d) | standing.get(n, unknown) for n, d in found.items()]
    if as_json:
        screen.facts(told_facts)
        return
    _print(told_facts, has_lake=bool(standing))


def _of(room: str | None) -> Mapping[DatasetName, Dataset]:
    """The datasets of a room, or of all, in the order in which data flow.

    Raises: UnknownDatasetError, when there is no such room.
    """
    rooms = teams()
    if room is not None and room not in rooms:
        near = nearest(room, rooms) or rooms
        raise UnknownDatasetError.nothing_happened(
            f"there is no room `{room}`",
            declared=f"{project().rooms}/",
            next=f"use one of {quoted(near)}",
        )
    known = everything()
    names = [n for n in known if room in (None, n.team)]
    order = sorted(names, key=lambda n: (n.team, STAGES.index(n.stage), n.table))
    return {n: known[n] for n in order}


def _declared(dataset: Dataset) -> dict[str, Any]:
    return {
        "dataset": str(dataset.name),
        "room": dataset.name.team,
        "stage": dataset.name.stage,
        "grain": dataset.contract.grain,
        "cadence": rhythm(dataset),
        "owner": dataset.owner,
        "declared": dataset.declared,
    }


def rhythm(dataset: Dataset) -> str:
    """How a dataset is cut into partitions, in one word; `whole` is one that is not."""
    return type(dataset.cadence).__name__.lower() if dataset.cadence else "whole"


def _print(found: list[dict[str, Any]], *, has_lake: bool) -> None:
    if not has_lake:
        columns = ["dataset", "cadence", "owner", *(["grain"] if screen.is_wide(WIDE) else [])]
        screen.grid(columns, [[each[c] for c in columns] for each in found], wrap="grain")
        return
    now = Clock().now()
    rows = [
        (
            each["dataset"],
            each["cadence"],
            "" if each["rows"] is None else f"{each['rows']:,}",
            screen.ago(each["published_at"], now) or ("" if each["rows"] else "never"),
            each["owner"],
        )
        for each in found
    ]
    columns = ["dataset", "cadence", "rows", "published", "owner"]
    most = len(columns) if screen.is_wide(WIDE) else -1  # names of datasets are not cut
    screen.grid(columns[:most], [row[:most] for row in rows], right={"rows"})
