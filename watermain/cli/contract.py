"""`watermain contract`: promises written down, read back, held against the code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from watermain.cli import screen
from watermain.cli.named import named
from watermain.declare.compatibility import is_draft
from watermain.declare.dataset import Dataset
from watermain.declare.errors import UnreadableContractError, WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.exchange.declaration_code import checks_code, declaration, imports
from watermain.engine.exchange.foreign_rules import expectations
from watermain.engine.exchange.frame_schema import frame_checks, frame_notes
from watermain.engine.exchange.odcs_reader import read_document
from watermain.engine.exchange.released import Released
from watermain.engine.exchange.strict_yaml import read_yaml
from watermain.engine.release import gate, release
from watermain.engine.release.outside_test import judge
from watermain.engine.rooms.directory import everything_sound
from watermain.engine.table import order
from watermain.lake.lake import Lake
from watermain.revision import files_where_it_began

app = typer.Typer(
    no_args_is_help=True, help="Write contracts down, read them and hold code to them."
)


@app.command()
def export(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when a file is not current.")
    ] = False,
    against: Annotated[
        str | None, typer.Option(help="Hold to what was released here, too: a branch, a commit.")
    ] = None,
) -> None:
    """Write the contract of every dataset as Open Data Contract Standard, version 3.

    Nothing is written while a declaration breaks what was released without a new major version
    and a migration, or while a reader needs what nobody promises.
    """
    known, wrong = _judged()
    order.refuse_circles(known)
    now = _without(wrong, release.read_all())
    earlier = _without(wrong, _released_at(against) if against else {})
    broken = [*wrong.values(), *gate.breaches(known, now, earlier, release.read_retired())]
    _fail([*broken, *gate.unmet_needs(known, wrong)])
    late = list(release.stale(known))
    if check:
        _fail(late)
    written = [] if check else [_write(d) for n, d in sorted(known.items()) if _is_late(d)]
    for path in written:
        screen.OUT.print(f"  wrote  {path}")
    drafts = [name for name, dataset in known.items() if is_draft(dataset.contract)]
    told = f"{len(known) - len(drafts)} contracts hold what was released"
    more = f"; {len(drafts)} more are drafts" if drafts else ""
    screen.ERR.print(told + more, style="dim")


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="A contract (ODCS), a Great Expectations suite, pandera YAML.")
    ],
) -> None:
    """Print the declaration that a contract asks for or the checks that a suite or schema does."""
    code = _code(file)
    screen.OUT.print(imports(code) + code, markup=False, end="")


@app.command()
def test(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
) -> None:
    """Lint a released contract and test it on the published rows, by datacontract-cli from outside.

    `make datacontract` installs that tool into a folder of its own.
    """
    _known()
    for line in judge(named(dataset), Lake.from_settings()):
        screen.OUT.print(f"  {line}", markup=False)


def _judged() -> tuple[dict[DatasetName, Dataset], dict[DatasetName, Exception]]:
    """The datasets that can be built, and then what is wrong with the others."""
    known = _known()
    wrong: dict[DatasetName, Exception] = {}
    for name, dataset in known.items():
        try:
            dataset.refuse_broken()
        except WatermainError as error:
            wrong[name] = error
    return {n: d for n, d in known.items() if n not in wrong}, wrong


def _without(
    wrong: Mapping[DatasetName, Exception], found: Mapping[DatasetName, Released]
) -> dict[DatasetName, Released]:
    """What was released, except for what cannot be judged; that has not ended."""
    return {n: was for n, was in found.items() if n not in wrong}


def _known() -> Mapping[DatasetName, Dataset]:
    """Every declared dataset, including the marts of the present dbt project.

    Raises: BrokenRoomError: what a room that does not load promises has not ended.
    """
    return everything_sound()


def _released_at(ref: str) -> Mapping[DatasetName, Released]:
    """What was released where the present work left a branch or a commit."""
    base, texts = files_where_it_began(ref, release.FOLDER)
    found = release.read_texts(texts)
    screen.ERR.print(f"held against {len(found)} contracts of {base[:12]}", style="dim")
    return found


def _is_late(dataset: Dataset) -> bool:
    return any(release.stale({dataset.name: dataset})) or release.says_former(dataset)


def _write(dataset: Dataset) -> str:
    path = release.path_of(dataset.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(release.text_of(dataset), encoding="utf-8")
    return release.shown(dataset.name)


def _fail(errors: list[Any]) -> None:
    """Tell of every error and not of the first alone."""
    for error in errors[:-1]:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
    for error in errors[-1:]:
        raise error


def _code(file: Path) -> str:
    """The Python that a file of another tool asks for."""
    if not file.is_file():
        raise UnreadableContractError(
            f"there is no file {file}",
            declared=str(file),
            data="nothing was read",
            next="name a file that holds a contract, a suite or a schema",
        )
    text = file.read_text(encoding="utf-8-sig", errors="strict")
    facts = read_yaml(text, str(file))
    if isinstance(facts, dict) and "expectations" in facts:
        return f"checks = {checks_code(expectations(facts, str(file)))}\n"
    if isinstance(facts, dict) and facts.get("schema_type") == "dataframe":
        made = checks_code(frame_checks(facts, str(file)))
        return "".join(f"# not kept: {n}\n" for n in frame_notes(facts)) + f"checks = {made}\n"
    return "\n\n".join(map(declaration, read_document(text, str(file))))
