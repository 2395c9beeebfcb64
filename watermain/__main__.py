"""The `watermain` command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from watermain.cli.lazy_group import lazy_group
from watermain.cli.verbs import VERBS

EXITS = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 a system does not answer."

app = typer.Typer(
    name="watermain",
    cls=lazy_group(VERBS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Run the data platform: start it, ask it, rebuild it.",
    epilog=EXITS,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _go_to(context: typer.Context, project: Path | None) -> Path | None:
    if project is not None and not context.resilient_parsing:
        from watermain.settings import set_variables

        set_variables({"WATERMAIN_PROJECT": str(project.resolve())})
    return project


def _tell_versions(wanted: bool) -> None:
    if wanted:
        from watermain.cli.platform.versions import lines

        typer.echo("\n".join(lines()))
        raise typer.Exit


@app.callback()
def platform(
    project: Annotated[
        Path | None,
        typer.Option(
            help="The project's folder; found upwards from here without it.",
            envvar="WATERMAIN_PROJECT",
            show_envvar=False,
            callback=_go_to,
            is_eager=True,
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Tell what is installed here, and where the data lie.",
            callback=_tell_versions,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Take what is said to every command."""


def main() -> None:
    """Run a command; an error of ours is four lines on stderr with a telling exit code."""
    try:
        app()
    except Exception as error:
        from watermain.cli.exits import exit_code
        from watermain.declare.errors import WatermainError

        if not isinstance(error, WatermainError):
            raise
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
