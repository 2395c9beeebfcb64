"""Names that a shell offers on Tab, read out of files without importing a room."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

SHELVES = ("raw", "curated", "features")
PRODUCT = Path(__file__).resolve().parents[1]
OWN = "upkeep"  # the room that ships with the platform
_DECLARED = re.compile(r"\b(?:raw|dataset|feature_table)\(\s*(?:name=)?[\"']([a-z0-9_.]+)[\"']")

_KEPT = re.compile(r'"name": "([a-z0-9_]+\.(?:raw|curated|features)\.[a-z0-9_]+)"')
_VERSION = re.compile(r"_v[0-9]+$")


def datasets(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of datasets that begin like that; of feature tables without a version."""
    return sorted({name for name in _datasets(ctx) if name.startswith(incomplete)})


def rooms(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of rooms that begin like that."""
    return sorted(room for room in _rooms(ctx) if room.startswith(incomplete))


def _takes_dataset(
    dataset: Annotated[str, typer.Argument(autocompletion=datasets)],
) -> None:
    """Stand in, on Tab, for a command whose first argument is a dataset."""


def _takes_room(room: Annotated[str, typer.Argument(autocompletion=rooms)]) -> None:
    """Stand in, on Tab, for a command whose first argument is a room."""


# What stands in for a command on Tab, by what its first argument names.
OFFERS: Mapping[str, Callable[[str], None]] = {"dataset": _takes_dataset, "room": _takes_room}


def _datasets(ctx: typer.Context) -> Iterator[str]:
    for folder in _rooms(ctx).values():
        for path in (each for shelf in SHELVES for each in _modules(folder / shelf)):
            yield from _DECLARED.findall(path.read_text(encoding="utf-8"))
    root, said = _project(ctx)
    for path in (root / "data" / "rooms").glob("*.json"):  # as each room last declared them
        for name in _KEPT.findall(path.read_text(encoding="utf-8")):
            yield _VERSION.sub("", name) if ".features." in name else name
    marts = root / said.get("dbt", "dbt_project") / "models" / "marts"
    for path in marts.glob("*/*.sql"):
        yield f"{path.parent.name}.marts.{path.stem}"


def _modules(shelf: Path) -> list[Path]:
    """The files of a shelf, which is a module or a package."""
    alone = shelf.with_suffix(".py")
    return [alone] if alone.is_file() else [*shelf.rglob("*.py")]


def _rooms(ctx: typer.Context) -> dict[str, Path]:
    root, said = _project(ctx)
    above = root / str(said.get("rooms", "platform_assets")).replace(".", "/")
    found = {door.parent.name: door.parent for door in above.glob("*/definitions.py")}
    return found | {OWN: PRODUCT / OWN}


def _project(ctx: typer.Context) -> tuple[Path, Mapping[str, Any]]:
    """The project's folder, and what its pyproject.toml says of it; nothing where there is none."""
    given = ctx.find_root().params.get("project")
    start = Path(given).resolve() if given else Path.cwd()
    for folder in (start, *start.parents):
        try:
            told = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        said = told.get("tool", {}).get("watermain")
        if isinstance(said, dict):
            return folder, said
    return start, {}
