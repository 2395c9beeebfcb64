"""The table of verbs tells what the commands themselves say, without importing one."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from watermain.__main__ import app
from watermain.cli.verbs import VERBS

LISTED = """
import sys
from typer.testing import CliRunner
from watermain.__main__ import app
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
print([name for name in sys.modules if name.startswith("watermain")])
"""


@pytest.fixture(scope="module")
def group() -> Any:
    """The commands as users meet them."""
    return typer.main.get_command(app)


@pytest.mark.parametrize("verb", VERBS)
def test_list_says_what_the_command_says(verb: str, group: Any) -> None:
    """The first paragraph of a command's help is its line in the list; hidden ones stay hidden."""
    command, shown = group.commands[verb], group.get_command(None, verb)
    first = inspect.cleandoc(command.help).split("\n\n")[0]
    assert shown.help == " ".join(first.split())
    assert (command.name, command.hidden) == (verb, VERBS[verb].is_hidden)
    assert shown.hidden == command.hidden


def test_list_imports_no_command() -> None:
    """What `--help` needs of the product is the table alone."""
    done = subprocess.run(
        [sys.executable, "-c", LISTED], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(
        ["watermain", "watermain.cli", "watermain.cli.lazy_group", "watermain.cli.verbs",
         "watermain.__main__"]
    )  # fmt: skip


def test_unknown_verb_is_told_with_the_nearest(group: Any) -> None:
    """A slip of the finger ends with 2, with the verb that was meant."""
    assert group.get_command(None, "statsu") is None
    done = CliRunner().invoke(app, ["statsu"])
    assert done.exit_code == 2
    assert "'status'" in done.output


def test_verb_of_several_commands_lists_them() -> None:
    """The help of one verb has its commands, its options are those that every command has."""
    done = CliRunner().invoke(app, ["branch", "-h"])
    assert done.exit_code == 0
    assert all(f" {word} " in done.output for word in ("create", "build", "promote", "drop"))
