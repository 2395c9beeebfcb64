"""What datasets declare, read from what rooms wrote down when they last loaded."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from watermain.declare.cadence import Cadence
from watermain.declare.errors import WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.promise.written import CADENCES
from watermain.engine.rooms.last_good import FOLDER, FORMAT


@dataclass(frozen=True, kw_only=True)
class DeclaredFacts:
    """What is known of a dataset without its code.

    Shapes: `columns` has nested ones by their path, too; `contract` is the document of its contract
    as plain values; `is_captured` says whether a source brings its rows, `opens` by which
    connections, and `secrets` are the references that the source itself makes.
    """

    dataset: DatasetName
    cadence: Cadence | None
    columns: frozenset[str]
    is_captured: bool
    contract: Mapping[str, Any]
    opens: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


def declared(home: Path, teams: Collection[str]) -> dict[DatasetName, DeclaredFacts]:
    """What the datasets of some rooms declare.

    Guarantees: a file that is torn, or that another release wrote, says nothing of its room.
    """
    found = dict[DatasetName, DeclaredFacts]()
    for team in teams:
        try:
            told = json.loads((home / FOLDER / f"{team}.json").read_text())
            facts = told["datasets"] if told["format"] == FORMAT else []
            found |= {each.dataset: each for each in map(_facts, facts)}
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            continue
        except WatermainError:  # words of a release whose rules were others
            continue
    return found


def _facts(told: Mapping[str, Any]) -> DeclaredFacts:
    contract = told["promise"]
    table = contract["schema"][0]
    own = {each["property"]: each["value"] for each in contract.get("customProperties") or []}
    return DeclaredFacts(
        dataset=DatasetName.parse(told["name"]),
        cadence=_cadence(own.get("cadence")),
        columns=frozenset(_named(table.get("properties") or [])),
        is_captured=told["source"] is not None,
        contract=contract,
        opens=tuple(told.get("opens", ())),
        secrets=tuple(told.get("secrets", ())),
    )


def _named(properties: Iterable[Mapping[str, Any]], path: str = "") -> Iterator[str]:
    """Columns by their names, and what lies in them by its path."""
    for each in properties:
        name = f"{path}{each['name']}"
        yield name
        yield from _named(each.get("properties") or [], f"{name}.")
        if items := each.get("items"):
            yield f"{name}[]"
            yield from _named(items.get("properties") or [], f"{name}[].")


def _cadence(words: Mapping[str, Any] | None) -> Cadence | None:
    if words is None:
        return None
    start = words.get("start")
    return CADENCES[words["every"]](
        zone=words["zone"], start=None if start is None else date.fromisoformat(start)
    )
