"""`watermain new`: files that pass the checks at once."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from watermain.cli import screen
from watermain.cli.named import named as known
from watermain.cli.scaffold import FILES, Draft, joined, named, with_location
from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import MOST_LETTERS, WORD, DatasetName
from watermain.engine.exchange.dbt_sources import sources_text
from watermain.engine.rooms.declared import shelf_file, teams
from watermain.engine.rooms.directory import everything, everything_sound
from watermain.settings import project

app = typer.Typer(no_args_is_help=True, help="Write the files of a new room, dataset or source.")
READS = typer.Option(help="The dataset that the new one is computed from.")
Kind = Literal["files", "sftp", "postgres", "kafka", "mqtt", "rest", "webhook"]


@app.command()
def room(
    name: Annotated[str, typer.Argument(help="The team's name: lower case, such as billing.")],
    reads: Annotated[str | None, READS] = None,
) -> None:
    """Write a team's room and its workspace entry, and a first dataset where it reads one."""
    if not WORD.fullmatch(name):
        right = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")[:MOST_LETTERS]
        _refuse(
            f"`{name[:200]}` is no name of a room: it is one lower-case word, with _ and digits",
            "watermain new room",
            f"watermain new room {right or 'billing'}",
        )
    first = DatasetName(name, "curated", "first")
    if name in teams():
        _refuse(
            f"the room {name} stands already",
            shelf_file(name, "definitions"),
            f"watermain new dataset {name}.curated.<table>",
        )
    upstream = known(reads) if reads else None
    here = project()
    written = [
        _write(here.rooms_folder / name / file, named(_template("room", file), first, here.rooms))
        for file in ("__init__.py", "definitions.py")
    ]
    if upstream is not None:
        written += _dataset(DatasetName(name, "curated", upstream.name.table), upstream)
    written += _changed(f"room-{name}", f"Team {name} has a room of its own.")
    module = f"{here.rooms}.{name}.definitions"
    _write(here.workspace, with_location(here.workspace.read_text(), module, name))
    _finish([*written, here.workspace])


@app.command()
def dataset(
    name: Annotated[str, typer.Argument(help="Such as billing.curated.landing_fees.")],
    reads: Annotated[str, READS],
) -> None:
    """Declare a curated dataset, computed from another one, and its test."""
    wanted = _wanted(name)
    if wanted.stage != "curated":
        marts = shelf_file(wanted.team, "marts")
        ways = {
            "marts": f"write {marts}{wanted.table}.sql and its .yml",
            "raw": f"watermain new source {wanted} --connection <name>",
        }
        way = ways.get(wanted.stage, f"write it in {shelf_file(wanted.team, wanted.stage)}")
        _refuse(f"{wanted.stage} are not written by this command", name, way)
    written = _dataset(wanted, known(reads))
    _finish(written + _changed(f"dataset-{name}", f"New dataset `{wanted}`."))


@app.command()
def source(
    name: Annotated[str, typer.Argument(help="Such as billing.raw.tariffs.")],
    connection: Annotated[
        str, typer.Option(help="The connection that it is captured through, written if it is new.")
    ],
    kind: Annotated[Kind, typer.Option(help="What kind of system that is.")] = "files",
) -> None:
    """Declare a raw dataset, its test, and the connection that it is captured through."""
    wanted, here = _wanted(name), project()
    if wanted.stage != "raw":
        _refuse(f"{wanted} is not raw", name, f"name it {wanted.team}.raw.{wanted.table}")
    if not connection.isidentifier():
        _refuse(f"{connection!r} is no name of a connection", name, "name it such as partner_drop")
    declared = _told(_template("source", f"{kind}.py"), connection)
    written = [_join(_shelf(wanted), declared, wanted)]
    tested = _template("tests", "raw.py").replace("example_kind", kind)
    written.append(_write(_test_path(wanted), named(tested, wanted, here.rooms)))
    place = here.root / here.resources.replace(".", "/") / "connections.py"
    if f'"{connection}"' not in (place.read_text() if place.exists() else ""):
        place.parent.mkdir(exist_ok=True)
        written.append(_join(place, _told(_template("connection", f"{kind}.py"), connection)))
    _finish(written + _changed(f"dataset-{name}", f"New dataset `{wanted}`."))


@app.command(name="dbt-sources")
def dbt_sources() -> None:
    """Write the dbt project's sources file anew, from the curated declarations."""
    path = project().dbt_folder / "models" / "sources.yml"
    _finish([_write(path, sources_text(everything_sound().values()))])


def _told(text: str, connection: str) -> str:
    named = text.replace("EXAMPLE_CONNECTION", connection.upper())
    return named.replace("example_connection", connection)


def _wanted(name: str) -> DatasetName:
    """A name that may be declared: one of a room that stands, and new there."""
    wanted = DatasetName.parse(name)
    if wanted.team not in teams():
        _refuse(
            f"there is no room {wanted.team}",
            f"{project().rooms}/",
            f"watermain new room {wanted.team}",
        )
    if wanted in everything():
        declared = everything()[wanted].declared
        _refuse(f"{wanted} is declared already", declared, f"watermain explain {wanted}")
    return wanted


def _dataset(name: DatasetName, upstream: Dataset) -> list[Path]:
    draft = Draft(name, upstream, project().rooms)
    return [_join(_shelf(name), draft.declaration()), _write(_test_path(name), draft.test())]


def _shelf(name: DatasetName) -> Path:
    """The file in which a dataset is declared: of a shelf that is a package, one of its own."""
    place = project().root / shelf_file(name.team, name.stage)
    return place if place.suffix else place / f"{name.table}.py"


def _join(path: Path, addition: str, name: DatasetName | None = None) -> Path:
    """Put what a template imports and declares into a file."""
    text = addition if name is None else named(addition, name, project().rooms)
    return _write(path, joined(path.read_text() if path.exists() else "", text))


def _test_path(name: DatasetName) -> Path:
    return project().root / "tests" / "rooms" / name.team / f"test_{name.stage}_{name.table}.py"


def _changed(name: str, text: str) -> list[Path]:
    """A fragment for the changelog where the project keeps some."""
    folder = project().root / "changelog.d"
    plain = name.replace(".", "-").replace("_", "-")
    return [_write(folder / f"{plain}.added.md", f"{text}\n")] if folder.is_dir() else []


def _finish(written: list[Path]) -> None:
    """Put imports into order, format the files, and say what was written."""
    root = project().root
    python = [str(p) for p in written if p.suffix == ".py"]
    if python and importlib.util.find_spec("ruff"):
        for words in (("check", "--quiet", "--fix", "--select", "I,F401,F811"), ("format", "-q")):
            subprocess.run([sys.executable, "-m", "ruff", *words, *python], cwd=root, check=True)
    for path in dict.fromkeys(written):
        screen.OUT.print(f"  wrote  {path.relative_to(root)}", highlight=False)
    screen.OUT.print("  next   make check", highlight=False)


def _template(*place: str) -> str:
    return FILES.joinpath(*place).read_text(encoding="utf-8")


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _refuse(what: str, declared: str, next: str) -> NoReturn:
    raise InvalidDeclarationError(what, declared=declared, data="nothing was written", next=next)
