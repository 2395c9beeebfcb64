"""`watermain init`: a project of its own, from real files."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from watermain.cli import screen
from watermain.declare.errors import InvalidProjectError

TEMPLATE = "my_company"  # the name that the template's files carry
CACHES = {"__pycache__", ".ruff_cache", ".pytest_cache", ".mypy_cache", "target", "data"}
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def init(
    name: Annotated[str, typer.Argument(help="The project's name, which becomes its folder's.")],
) -> None:
    """Write a project: a room with a source and a mart, its tests, and its CI recipe."""
    target = Path.cwd() / name
    check(name, target)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=target.parent) as place:
        made = Path(place) / name
        written = write(templates() / "project", made, name)
        if target.exists():
            target.rmdir()  # it is empty, as `check` saw
        made.rename(target)
    screen.OUT.print(f"  wrote  {name}/  {len(written)} files", highlight=False)
    screen.OUT.print(f"  next   cd {name} && make check test && watermain up", highlight=False)


def check(name: str, target: Path) -> None:
    """See that a project of that name can be written there.

    Raises: InvalidProjectError.
    """
    if not _NAME.fullmatch(name):
        raise InvalidProjectError(
            f"{name!r} is no name of a project",
            declared="watermain init NAME",
            data="nothing was written",
            next="take lower-case letters, digits and underscores, such as my_company",
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidProjectError(
            f"{target} is not empty",
            declared=f"watermain init {name}",
            data="nothing was written",
            next=f"take another name, or empty {target}",
        )


def templates() -> Path:
    """Where the files lie that commands write from."""
    return Path(__file__).resolve().parents[1] / "templates"


def write(source: Path, target: Path, name: str) -> list[Path]:
    """Copy a template's files, its name replaced by the project's; list what was written."""
    written = []
    for path in sorted(source.rglob("*")):
        if path.is_dir() or CACHES & set(path.relative_to(source).parts):
            continue
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(path.read_text(encoding="utf-8").replace(TEMPLATE, name), encoding="utf-8")
        shutil.copymode(path, place)
        written.append(place)
    return written
