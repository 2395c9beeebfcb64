"""`watermain new`: files that pass the checks at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from watermain.cli.adopt.dropped import from_files
from watermain.cli.named import named as known
from watermain.cli.scaffold import (
    Draft,
    changed,
    finish,
    join,
    named,
    template,
    test_path,
    with_location,
    write,
)
from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import MOST_LETTERS, WORD, DatasetName
from watermain.engine.exchange.dbt_sources import sources_text
from watermain.engine.rooms.declared import shelf_file, teams
from watermain.engine.rooms.directory import everything, everything_sound
from watermain.settings import project

app = typer.Typer(no_args_is_help=True, help="Write the files of a new room, dataset or source.")
_NEW = "New dataset `{}`."
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
        write(here.rooms_folder / name / file, named(template("room", file), first, here.rooms))
        for file in ("__init__.py", "definitions.py")
    ]
    if upstream is not None:
        written += _dataset(DatasetName(name, "curated", upstream.name.table), upstream)
    written += changed(f"room-{name}", f"Team {name} has a room of its own.")
    module = f"{here.rooms}.{name}.definitions"
    write(here.workspace, with_location(here.workspace.read_text(), module, name))
    finish([*written, here.workspace])


@app.command()
def dataset(
    name: Annotated[str, typer.Argument(help="Such as billing.curated.landing_fees.")],
    reads: Annotated[str | None, READS] = None,
    pattern: Annotated[
        str | None, typer.Option(help="Files that a raw one is captured from: inbox/orders-*.csv.")
    ] = None,
    key: Annotated[str, typer.Option(help="The columns that name a row: a,b.")] = "",
) -> None:
    """Declare a dataset with its test: a curated one from another, a raw one from files.

    Of files the header and the types are read, and the key is proved by a scan.
    """
    wanted = _wanted(name)
    if pattern is not None:
        if reads is not None or wanted.stage != "raw":
            raw_name = f"{wanted.team}.raw.{wanted.table}"
            way = f"watermain new dataset {raw_name} --pattern {pattern!r}"
            _refuse("a raw dataset alone is captured from files", name, way)
        finish(from_files(wanted, pattern, key) + changed(f"dataset-{name}", _NEW.format(wanted)))
        return
    if wanted.stage != "curated":
        marts = shelf_file(wanted.team, "marts")
        ways = {
            "marts": f"write {marts}{wanted.table}.sql and its .yml",
            "raw": f"watermain new source {wanted} --connection <name>",
        }
        way = ways.get(wanted.stage, f"write it in {shelf_file(wanted.team, wanted.stage)}")
        _refuse(f"{wanted.stage} are not written by this command", name, way)
    if reads is None:
        _refuse("a curated dataset is computed from another one", name, f"{name} --reads <dataset>")
    finish(_dataset(wanted, known(reads)) + changed(f"dataset-{name}", _NEW.format(wanted)))


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
    declared = _told(template("source", f"{kind}.py"), connection)
    written = [join(_shelf(wanted), declared, wanted)]
    tested = template("tests", "raw.py").replace("example_kind", kind)
    written.append(write(test_path(wanted), named(tested, wanted, here.rooms)))
    place = here.root / here.resources.replace(".", "/") / "connections.py"
    if f'"{connection}"' not in (place.read_text() if place.exists() else ""):
        place.parent.mkdir(exist_ok=True)
        written.append(join(place, _told(template("connection", f"{kind}.py"), connection)))
    finish(written + changed(f"dataset-{name}", _NEW.format(wanted)))


@app.command(name="dbt-sources")
def dbt_sources() -> None:
    """Write the dbt project's sources file anew, from the curated declarations."""
    path = project().dbt_folder / "models" / "sources.yml"
    finish([write(path, sources_text(everything_sound().values()))])


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
    return [join(_shelf(name), draft.declaration()), write(test_path(name), draft.test())]


def _shelf(name: DatasetName) -> Path:
    """The file in which a dataset is declared: of a shelf that is a package, one of its own."""
    place = project().root / shelf_file(name.team, name.stage)
    return place if place.suffix else place / f"{name.table}.py"


def _refuse(what: str, declared: str, next: str) -> NoReturn:
    raise InvalidDeclarationError(what, declared=declared, data="nothing was written", next=next)
