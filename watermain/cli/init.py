"""`watermain init`: a project of its own, from real files."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from watermain.cli import screen
from watermain.declare.errors import InvalidProjectError

TEMPLATE = "my_company"  # the name that the template's files carry
CACHES = {"__pycache__", ".ruff_cache", ".pytest_cache", ".mypy_cache", "target", "logs"}
COMMON = ("Makefile", ".gitignore", ".github")
COMPANY = (
    *("platform_assets", "resources", "sensors", "dbt_project"),
    *("demo", "contracts", "workspace.yaml"),
)
ADDED = ("pyproject.toml", "README.md", "tests")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def init(
    name: Annotated[str, typer.Argument(help="The project's name, which becomes its folder's.")],
    example: Annotated[
        Literal["flights"] | None, typer.Option(help="Write the company of the demo instead.")
    ] = None,
) -> None:
    """Write a project: a room with a source and a mart, its tests, and its CI recipe."""
    target = Path.cwd() / name
    check(name, target)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=target.parent) as place:
        made = Path(place) / name
        written = [
            path
            for source, wanted in sources(example)
            for path in write(source, made, name, wanted)
        ]
        if target.exists():
            target.rmdir()  # which is empty, as `check` saw
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


def sources(example: str | None) -> list[tuple[Path, tuple[str, ...]]]:
    """The folders that a project is copied from, and what is taken of each; all where empty.

    The demo's company lies beside the template in a wheel, and at the top of the repository.
    """
    plain, company = templates() / "project", templates() / str(example)
    if example is None:
        return [(plain, ())]
    home = company if (company / COMPANY[0]).exists() else templates().parents[1]
    return [(plain, COMMON), (home, COMPANY), (company, ADDED)]


def write(source: Path, target: Path, name: str, wanted: tuple[str, ...]) -> list[Path]:
    """Copy a template's files with its name replaced by the project's; list what was written."""
    written = []
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if path.is_dir() or CACHES & set(inside.parts) or path.suffix == ".pyc":
            continue
        if wanted and inside.parts[0] not in wanted:
            continue
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(path.read_text(encoding="utf-8").replace(TEMPLATE, name), encoding="utf-8")
        shutil.copymode(path, place)
        written.append(place)
    return written
