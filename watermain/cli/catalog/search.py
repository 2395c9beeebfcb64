"""`watermain search`: the datasets that tell of something."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from watermain.cli import screen
from watermain.declare.dataset import Dataset
from watermain.declare.errors import UnknownDatasetError, quoted
from watermain.declare.name import DatasetName
from watermain.engine.rooms.directory import everything
from watermain.settings import project

MOST_COLUMNS = 5  # of one dataset, where the names alone are shown


def search(
    words: Annotated[list[str], typer.Argument(help="All of them are found in a dataset.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Find datasets by words of their names, descriptions, columns and owners."""
    known = everything()
    wanted = [w.lower() for text in words for w in text.split()]
    found = [hit for d in known.values() if (hit := _hit(d, wanted)) is not None]
    if not found:
        raise _nothing(wanted, known)
    found.sort(key=lambda hit: (-int(hit["score"]), str(hit["dataset"])))
    if as_json:
        screen.facts([{k: v for k, v in hit.items() if k != "score"} for hit in found])
        return
    for hit in found:
        _print(hit)


def _hit(dataset: Dataset, wanted: list[str]) -> dict[str, Any] | None:
    """How a dataset tells of all the words; None where one of them is nowhere in it."""
    texts = [text.lower() for text in _texts(dataset)]
    if not all(any(word in text for text in texts) for word in wanted):
        return None
    columns = [
        {"name": c.name, "description": c.description, "unit": c.unit}
        for c in dataset.contract.columns
        if any(w in f"{c.name} {c.description}".lower() for w in wanted)
    ]
    name = str(dataset.name)
    return {
        "dataset": name,
        "grain": dataset.contract.grain,
        "owner": dataset.owner,
        "columns": columns,
        "score": 2 * sum(w in name for w in wanted) + min(len(columns), 1),
    }


def _texts(dataset: Dataset) -> Iterator[str]:
    yield from (str(dataset.name), dataset.contract.grain, dataset.description, dataset.owner)
    for column in dataset.contract.columns:
        yield f"{column.name} {column.description}"


def _nothing(wanted: list[str], known: Mapping[DatasetName, Dataset]) -> UnknownDatasetError:
    """The error for words that nothing tells of, with the names that are like them."""
    columns = {c.name for d in known.values() for c in d.contract.columns}
    tables = {n.table for n in known}
    near = {
        like
        for word in wanted
        for like in difflib.get_close_matches(word, {*columns, *tables}, n=3, cutoff=0.6)
    }
    return UnknownDatasetError.nothing_happened(
        f"no dataset tells of {' and '.join(f'`{w[:60]}`' for w in wanted) or 'nothing'}",
        declared=f"{project().rooms}/, {project().dbt}/",
        next=f"search for one of {quoted(near)}" if near else "watermain list",
    )


def _print(hit: Mapping[str, Any]) -> None:
    screen.OUT.print(f"{hit['dataset']}  [dim]{_plain(hit['grain'])}[/dim]")
    shown = hit["columns"][:MOST_COLUMNS]
    width = max((len(c["name"]) for c in shown), default=0)
    for column in shown:
        unit = f" ({column['unit']})" if column["unit"] else ""
        told = f"  {column['name']:<{width}}  {column['description']}{unit}"
        screen.OUT.print(told, markup=False)
    if len(hit["columns"]) > MOST_COLUMNS:
        screen.OUT.print(f"  {len(hit['columns']) - MOST_COLUMNS} more columns", style="dim")


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
