"""The datasets that tables become, by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, quoted
from watermain.declare.name import MOST_LETTERS, WORD, DatasetName
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.directory import everything
from watermain.settings import project


@dataclass(frozen=True, kw_only=True)
class Target:
    """A table, and the dataset that it becomes; `declared` where it was adopted before."""

    table: str
    name: DatasetName
    declared: Dataset | None = None


def targets(into: str, tables: Sequence[str], chosen: Sequence[str]) -> list[Target]:
    """What each table becomes: the dataset that is named, or one of the room by its own name.

    Raises: InvalidDeclarationError.
    """
    if unknown := [each for each in chosen if each not in tables]:
        raise _refused(
            f"there is no table {quoted(unknown)}", "--table", f"use one of {quoted(tables)}"
        )
    wanted = list(chosen) or list(tables)
    if not wanted:
        raise _refused("there is no table", "--table", "name another place")
    room, *rest = into.split(".")
    if room not in teams():
        known = [team for team in teams() if team != "upkeep"]
        raise _refused(
            f"there is no room {room}",
            f"{project().rooms}/",
            f"watermain new room {room}" + (f"; or use one of {quoted(known)}" if known else ""),
        )
    if rest:
        name = DatasetName.parse(into)
        if name.stage != "raw":
            raise _refused(f"{into} is not raw", "--into", f"name it {room}.raw.{name.table}")
        if len(wanted) > 1:
            raise _refused(
                f"{len(wanted)} tables cannot all become {into}",
                "--into",
                f"name the room alone: --into {room}; or one table: --table {wanted[0]}",
            )
        return [_target(wanted[0], name)]
    names = [DatasetName(room, "raw", word_of(table)) for table in wanted]
    if twice := sorted({str(n) for n in names if names.count(n) > 1}):
        raise _refused(
            f"two tables would become {quoted(twice)}",
            "--into",
            "adopt them one by one: --table, with a dataset's name in --into",
        )
    return [_target(table, name) for table, name in zip(wanted, names, strict=True)]


def word_of(table: str) -> str:
    """A table's name as a dataset may have it. Raises: InvalidDeclarationError."""
    last = table.rpartition(".")[2]
    word = re.sub(r"[^a-z0-9]+", "_", last.lower()).strip("_0123456789")[:MOST_LETTERS]
    if not WORD.fullmatch(word):
        raise _refused(
            f"`{last[:100]}` cannot be the name of a dataset",
            "--into",
            "say the name: --into team.raw.table",
        )
    return word


def _target(table: str, name: DatasetName) -> Target:
    return Target(table=table, name=name, declared=everything().get(name))


def _refused(what: str, declared: str, next: str) -> InvalidDeclarationError:
    return InvalidDeclarationError(what, declared=declared, data="nothing was written", next=next)
