"""`watermain new`: rooms, datasets that pass `make check` at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from watermain.declare.dataset import Dataset
    from watermain.declare.name import DatasetName

app = typer.Typer(no_args_is_help=True, help="Write the files of a new room, of a new dataset.")
DEFAULT = "operations.curated.airlines"
READS = typer.Option(help="The dataset that the new one is computed from.")


@app.command()
def room(
    name: Annotated[str, typer.Argument(help="The team's name: lower case, such as billing.")],
    reads: Annotated[str, READS] = DEFAULT,
) -> None:
    """Write a team's room with a first dataset: package, door, test, workspace entry."""
    from watermain.cli import scaffold
    from watermain.declare.name import DatasetName
    from watermain.orchestrate.location import find

    first = DatasetName(name, "curated", DatasetName.parse(reads).table)
    upstream = find(DatasetName.parse(reads))
    folder = _root() / "platform_assets" / name
    if folder.exists():
        raise _refused(
            f"the room {name} stands already",
            str(folder),
            f"watermain new dataset {name}.curated.<table>",
        )
    written = [
        _write(folder / "__init__.py", f'"""The room of team {name}."""\n'),
        _write(folder / "definitions.py", scaffold.definitions(name)),
        *_dataset(first, upstream),
        _write(
            _root() / "changelog.d" / f"room-{name}.added.md".replace("_", "-"),
            f"Team {name} has a room of its own, beginning with `{first}`.\n",
        ),
    ]
    workspace = _root() / "workspace.yaml"
    workspace.write_text(workspace.read_text().rstrip("\n") + "\n" + scaffold.workspace_entry(name))
    _finish([*written, workspace])


@app.command()
def dataset(
    name: Annotated[str, typer.Argument(help="Such as billing.curated.landing_fees.")],
    reads: Annotated[str, READS] = DEFAULT,
    pattern: Annotated[
        str, typer.Option(help="For a raw dataset: the names of the delivered files.")
    ] = "*.csv",
) -> None:
    """Declare a dataset with its test: curated from another dataset, or raw from dropped files."""
    from watermain.cli import scaffold
    from watermain.declare.name import DatasetName
    from watermain.orchestrate.location import everything, find, teams

    wanted = DatasetName.parse(name)
    if wanted.team not in teams():
        raise _refused(
            f"there is no room {wanted.team}",
            "platform_assets/",
            f"watermain new room {wanted.team}",
        )
    if wanted in everything():
        raise _refused(
            f"{wanted} is declared already",
            everything()[wanted].declared,
            f"watermain explain {wanted}",
        )
    if wanted.stage == "raw":
        written = _declare(wanted, scaffold.RAW, scaffold.captured(wanted, pattern))
        written.append(_write(_test_path(wanted), scaffold.captured_test(wanted)))
    elif wanted.stage == "curated":
        written = _dataset(wanted, find(DatasetName.parse(reads)))
    else:
        where = f"dbt_project/models/marts/{wanted.team}/" if wanted.stage == "marts" else "later"
        raise _refused(
            f"{wanted.stage} are not written by this command",
            where,
            f"write {where}{wanted.table}.sql with its .yml",
        )
    fragment = f"dataset-{name}.added.md".replace(".", "-", 2).replace("_", "-")
    written.append(_write(_root() / "changelog.d" / fragment, f"New dataset `{wanted}`.\n"))
    _finish(written)


def _dataset(name: DatasetName, upstream: Dataset) -> list[Path]:
    from watermain.cli.scaffold import Draft

    draft = Draft(name, upstream)
    return [
        *_declare(name, draft.imports, draft.declaration()),
        _write(_test_path(name), draft.test()),
    ]


def _declare(name: DatasetName, imports: str, declaration: str) -> list[Path]:
    """Put a declaration at the end of its shelf; its imports behind the first sentence."""
    from watermain.cli.scaffold import SHELVES

    path = _root() / "platform_assets" / name.team / f"{name.stage}.py"
    first = f'"""{SHELVES[name.stage].format(team=name.team)}"""\n'
    head, _, rest = (path.read_text() if path.exists() else first).partition("\n")
    return [_write(path, f"{head}\n\n{imports}\n{rest}\n\n{declaration}")]


def _test_path(name: DatasetName) -> Path:
    return _root() / "tests" / "rooms" / name.team / f"test_{name.stage}_{name.table}.py"


def _finish(written: list[Path]) -> None:
    """Put imports into order, format, say what was written."""
    from watermain.cli import screen

    python = [str(p) for p in written if p.suffix == ".py"]
    for words in (("check", "--quiet", "--fix", "--select", "I,F401,F811"), ("format", "--quiet")):
        command = [sys.executable, "-m", "ruff", *words, *python]
        subprocess.run(command, cwd=_root(), check=True)
    for path in written:
        screen.OUT.print(f"  wrote  {path.relative_to(_root())}")
    screen.OUT.print("  next   make check")


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _root() -> Path:
    return Path(__file__).resolve().parents[2]


def _refused(what: str, declared: str, next: str) -> Exception:
    from watermain.declare.errors import InvalidDeclarationError

    return InvalidDeclarationError(what, declared=declared, data="nothing was written", next=next)
