"""A raw dataset declared from files that lie there already."""

from __future__ import annotations

import re
from pathlib import Path

from watermain.cli.adopt.adopt import connection_of, shown
from watermain.cli.adopt.declaration import Declared
from watermain.declare.connection.files import FilesConnection
from watermain.declare.name import DatasetName
from watermain.engine.adopt.kind.dropped_files import FORMATS, proposal
from watermain.engine.adopt.proposal import Wishes
from watermain.engine.adopt.rows import own_engine
from watermain.engine.rooms.connections import connections
from watermain.settings import project

_GLOB = re.compile(r"[*?\[]")


def from_files(name: DatasetName, given: str, key: str) -> list[Path]:
    """Declare a dataset for what a path with a pattern names; give the files that were written.

    Raises: UnadoptableTableError.
    """
    folder, pattern = _parted(given)
    wishes = Wishes(key=tuple(part.strip() for part in key.split(",") if part.strip()))
    with own_engine() as connection:
        found = proposal(connection, folder, pattern, wishes)
    made = Declared(
        name=name,
        kind="files",
        connection=_declared(folder) or connection_of(folder, name.table),
        words={"pattern": pattern, "format": FORMATS[Path(pattern).suffix]},
        contract=found.contract,
        cadence=found.cadence,
        address=shown(folder),
    )
    return made.write()


def _parted(given: str) -> tuple[Path, str]:
    """The folder that is named plainly, and the pattern within it."""
    parts = Path(given).expanduser().parts
    plain = next((n for n, part in enumerate(parts) if _GLOB.search(part)), len(parts) - 1)
    folder = Path(*parts[:plain]) if plain else Path()
    return folder.resolve(), "/".join(parts[plain:])


def _declared(folder: Path) -> str:
    """The connection that leads to a folder already; empty where none does."""
    here = project().root
    folders = [
        each
        for each in connections().values()
        if isinstance(each, FilesConnection) and each.address and "://" not in each.address
    ]
    return next((c.name for c in folders if (here / c.address).resolve() == folder), "")
