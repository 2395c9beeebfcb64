"""Value objects of a command are options of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from watermain.cli.spread import spread

SEEN: list[object] = []


@dataclass(frozen=True, kw_only=True)
class Where:
    """Two options."""

    place: Annotated[str, typer.Option(help="Where.")] = "here"
    depth: Annotated[int | None, typer.Option("--deep", help="How deep.")] = None


@spread
def dig(what: Annotated[str, typer.Argument(help="What.")], *, where: Where) -> None:
    """Dig for something."""
    SEEN.append((what, where))


def invoked(*words: str) -> object:
    app = typer.Typer(add_completion=False)
    app.command("dig")(dig)
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return SEEN.pop() if SEEN else done.output


def test_fields_are_options_with_their_defaults() -> None:
    """Left out they are the object's own; given they come in it."""
    assert invoked("gold") == ("gold", Where())
    assert invoked("gold", "--place", "there", "--deep", "3") == (
        "gold",
        Where(place="there", depth=3),
    )


def test_help_lists_them_beside_the_others() -> None:
    """A reader sees no difference."""
    told = str(invoked("--help"))
    assert all(word in told for word in ("--place", "--deep", "How deep.", "Dig for something."))
    assert "--where" not in told
