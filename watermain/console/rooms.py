"""What rooms told when they last loaded, read without loading them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import watermain
from watermain.declare.errors import WatermainError
from watermain.declare.name import STAGES, DatasetName
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.written import read
from watermain.settings import project

# As `engine.rooms.last_good` writes it: a test holds the two together, for that module brings the
# types of the lake along, which weigh as much as this whole process.
FOLDER, FORMAT = "rooms", 1
Stamp = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class ToldDataset:
    """What a list of datasets shows of one.

    Shapes: `promised` is None where nothing is promised; `is_unread` where a promise is written
    down in words that this release does not know. `schema` is the text of its columns and checks,
    which weighs a tenth of what it tells.
    """

    name: DatasetName
    owner: str
    grain: str
    purpose: str
    declared: str
    version: str
    inputs: tuple[DatasetName, ...]
    source: str | None
    promised: Promised | None
    schema: str
    is_unread: bool = False

    @property
    def columns(self) -> list[ToldColumn]:
        """Its columns; none where they are written in a way that this release does not know."""
        try:
            return [_column(each) for each in json.loads(self.schema)["properties"]]
        except (KeyError, TypeError):
            return []

    @property
    def checks(self) -> list[ToldCheck]:
        """Its checks; none where they are written in a way that this release does not know."""
        try:
            return [*_checks(json.loads(self.schema))]
        except (KeyError, TypeError):
            return []


@dataclass(frozen=True, kw_only=True)
class ToldCheck:
    """A check by its name, with the column that it is about and whether it blocks."""

    name: str
    column: str
    blocks: bool


@dataclass(frozen=True, kw_only=True)
class ToldColumn:
    """A column by its name."""

    name: str
    type: str
    description: str
    sensitivity: str
    is_key: bool


@dataclass(frozen=True)
class ToldRooms:
    """Every dataset that is known, with the rooms of which nothing can be read.

    Shapes: `silent` has the reason for each room of the project that told nothing.
    """

    datasets: Mapping[str, ToldDataset]
    silent: Mapping[str, str] = field(default_factory=dict)

    def readers(self, name: DatasetName) -> list[DatasetName]:
        """The datasets that read another."""
        return self._readers.get(name, [])

    @cached_property
    def _readers(self) -> Mapping[DatasetName, list[DatasetName]]:
        found = dict[DatasetName, list[DatasetName]]()
        for each in self.datasets.values():
            for name in each.inputs:
                found.setdefault(name, []).append(each.name)
        return found


def doors() -> list[str]:
    """Every room of the project, with those that the product brings."""
    homes = (project().rooms_folder, Path(watermain.__file__).parent)
    return sorted({p.parent.name for h in homes for p in h.glob("*/definitions.py")})


def told(home: Path) -> ToldRooms:
    """What the rooms of the project told.

    Guarantees: a file that is torn, or that another release wrote, makes its room silent. It is
    the same value until a file changes.
    """
    return _told(home, tuple((team, _stamp(home / FOLDER / f"{team}.json")) for team in doors()))


@lru_cache(maxsize=2)
def _told(home: Path, stamps: tuple[tuple[str, Stamp | None], ...]) -> ToldRooms:
    found, silent = dict[str, ToldDataset](), dict[str, str]()
    for team, stamp in stamps:
        try:
            found |= _room(home / FOLDER / f"{team}.json", stamp)
        except FileNotFoundError:
            silent[team] = "it has never loaded here"
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            silent[team] = "what it told last cannot be read"
    order = sorted(found.values(), key=lambda d: (d.name.team, STAGES.index(d.name.stage), d.name))
    return ToldRooms({str(each.name): each for each in order}, silent)


def _stamp(path: Path) -> Stamp | None:
    """What changes with each rewriting of a file, which makes another file of it."""
    try:
        stands = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return stands.st_mtime_ns, stands.st_ino


@lru_cache(maxsize=256)
def _room(path: Path, stamp: Stamp | None) -> dict[str, ToldDataset]:
    """What a file says as it stands."""
    if stamp is None:
        raise FileNotFoundError(path)
    said = json.loads(path.read_text())
    if said["format"] != FORMAT:
        raise ValueError("another format")
    return {facts["name"]: _dataset(facts) for facts in said["datasets"]}


def _dataset(facts: Mapping[str, Any]) -> ToldDataset:
    promise = facts["promise"]
    promised, is_unread = _promised(facts.get("promised"))
    return ToldDataset(
        name=_name(facts["name"]),
        owner=str(promise["team"]["name"]),
        grain=str(promise["schema"][0].get("dataGranularityDescription", "")),
        purpose=str((promise.get("description") or {}).get("purpose", "")),
        declared=str(facts.get("declared", "")),
        version=str(promise.get("version", "")),
        inputs=tuple(map(_name, facts["inputs"].values())),
        source=facts.get("source"),
        promised=promised,
        schema=json.dumps(promise["schema"][0]),
        is_unread=is_unread,
    )


def _name(text: str) -> DatasetName:
    try:
        return DatasetName.parse(text)
    except WatermainError as error:
        raise ValueError(error.what) from error


def _promised(words: Mapping[str, Any] | None) -> tuple[Promised | None, bool]:
    try:
        return (None if words is None else read(words)), False
    except (WatermainError, KeyError, TypeError, ValueError):
        return None, True


def _column(facts: Mapping[str, Any]) -> ToldColumn:
    return ToldColumn(
        name=str(facts["name"]),
        type=str(facts.get("physicalType", "")),
        description=str(facts.get("description", "")),
        sensitivity=str(facts.get("classification", "internal")),
        is_key=bool(facts.get("primaryKey")),
    )


def _checks(schema: Mapping[str, Any]) -> Iterator[ToldCheck]:
    """The rules about the table and about each of its columns."""
    places = [("", schema), *((str(c["name"]), c) for c in schema["properties"])]
    for column, place in places:
        for rule in place.get("quality", ()):
            blocks = rule.get("severity") == "error"
            yield ToldCheck(name=str(rule["name"]), column=column, blocks=blocks)
