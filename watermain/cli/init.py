"""`watermain init`: a project of its own, from real files."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from watermain.cli import screen
from watermain.declare.errors import InvalidProjectError

TEMPLATE = "my_company"  # the name that the template's files carry
DBT = "my_dbt_project"
CACHES = {"__pycache__", ".ruff_cache", ".pytest_cache", ".mypy_cache", "target", "logs"}
COMMON = ("Makefile", ".gitignore", ".github")
COMPANY = (
    *("platform_assets", "resources", "sensors", "dbt_project"),
    *("demo", "contracts", "workspace.yaml"),
)
ADDED = ("pyproject.toml", "README.md", "tests")
BESIDE = (*COMMON, "sensors", "resources/__init__.py")  # of the plain project, around a dbt project
ROOMS = "platform_assets/__init__.py"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def init(
    name: Annotated[str, typer.Argument(help="The project's name, which becomes its folder's.")],
    example: Annotated[
        Literal["flights"] | None, typer.Option(help="Write the company of the demo instead.")
    ] = None,
    dbt: Annotated[
        Path | None, typer.Option(help="Write a project around a dbt project that stands there.")
    ] = None,
) -> None:
    """Write a project: a room with a source and a mart, its tests, and its CI recipe."""
    target = Path.cwd() / name
    check(name, target)
    if dbt is not None:
        check_dbt(dbt, example)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=target.parent) as place:
        made = Path(place) / name
        written = [
            path
            for source, wanted in sources("brought" if dbt else example)
            for path in write(source, made, name, wanted)
        ]
        if dbt is not None:
            point(made / "pyproject.toml", dbt.resolve(), target)
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


def check_dbt(dbt: Path, example: str | None) -> None:
    """See that a dbt project stands there.

    Raises: InvalidProjectError.
    """
    why = "both `--example` and `--dbt` are given" if example else ""
    if not (dbt / "dbt_project.yml").is_file():
        why = f"{dbt} is no dbt project: it has no dbt_project.yml"
    if why:
        raise InvalidProjectError(
            why,
            declared="watermain init NAME --dbt FOLDER",
            data="nothing was written",
            next="name the folder of the dbt project alone",
        )


def point(settings: Path, dbt: Path, target: Path) -> None:
    """Say in a project's settings where its dbt project stands, as seen from it."""
    place = Path(os.path.relpath(dbt, target)).as_posix()
    settings.write_text(settings.read_text(encoding="utf-8").replace(DBT, place), encoding="utf-8")


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
    if example == "brought":
        return [(plain, (*BESIDE, ROOMS)), (company, ())]
    home = company if (company / COMPANY[0]).exists() else templates().parents[1]
    return [(plain, COMMON), (home, COMPANY), (company, ADDED)]


def write(source: Path, target: Path, name: str, wanted: tuple[str, ...]) -> list[Path]:
    """Copy a template's files with its name replaced by the project's; list what was written."""
    written = []
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if path.is_dir() or CACHES & set(inside.parts) or path.suffix == ".pyc":
            continue
        if wanted and not {inside.parts[0], inside.as_posix()} & {*wanted}:
            continue
        place = target / Path(str(inside).replace(TEMPLATE, name))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(path.read_text(encoding="utf-8").replace(TEMPLATE, name), encoding="utf-8")
        shutil.copymode(path, place)
        written.append(place)
    return written
