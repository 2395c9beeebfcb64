"""The `watermain` command."""

from __future__ import annotations

import sys

import typer

from watermain.cli import branch, contract, features, init, new, quarantine
from watermain.cli.listen import consumer, listen, serve
from watermain.cli.look import check, diff, explain, sql
from watermain.cli.platform import doctor, down, status, tend, up
from watermain.cli.run import compact, materialize, replay, rollback, stream, sweep, verify

EXITS = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 a system does not answer."

app = typer.Typer(
    name="watermain",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Run the data platform: start it, ask it, rebuild it.",
    epilog=EXITS,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(init.init)
app.command()(up.up)
app.command()(down.down)
app.command()(status.status)
app.command()(materialize.materialize)
app.command()(check.check)
app.command()(sql.sql)
app.command()(explain.explain)
app.command()(replay.replay)
app.command()(stream.stream)
app.command()(diff.diff)
app.command()(rollback.rollback)
app.command()(compact.compact)
app.command()(verify.verify)
app.command()(listen.listen)
app.command()(serve.serve)
app.command()(sweep.sweep)
app.command()(doctor.doctor)
app.command(hidden=True)(tend.tend)
app.add_typer(new.app, name="new")
app.add_typer(branch.app, name="branch")
app.add_typer(consumer.app, name="consumer")
app.add_typer(contract.app, name="contract")
app.add_typer(features.app, name="features")
app.add_typer(quarantine.app, name="quarantine")


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
