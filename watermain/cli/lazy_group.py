"""A group of commands whose modules are imported when one is run or asked for help."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


class Verb(NamedTuple):
    """Where a command is found, as `module:name`, and what the list of commands says of it.

    Shapes: the name is that of a function or of a `typer.Typer` whose commands are the verb's own;
    `takes` is what its first argument names, which a shell can complete without the module.
    """

    target: str
    help: str
    is_hidden: bool = False
    takes: str = ""


class Commands(Mapping[str, Any]):
    """The commands by verb, each imported when it is first taken."""

    def __init__(self, verbs: Mapping[str, Verb]) -> None:
        self._verbs, self._taken = verbs, dict[str, Any]()

    def __getitem__(self, verb: str) -> Any:
        if verb not in self._taken:
            self._taken[verb] = _command(verb, self._verbs[verb])
        return self._taken[verb]

    def __iter__(self) -> Iterator[str]:
        return iter(self._verbs)

    def __len__(self) -> int:
        return len(self._verbs)


class LazyGroup(TyperGroup):
    """List commands out of a table; import the one that is named."""

    verbs: Mapping[str, Verb]

    def __init__(self, **words: Any) -> None:
        super().__init__(**words)
        self.commands = Commands(self.verbs)  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs, in the table's order."""
        return list(self.verbs)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """What the list shows of a command, which imports nothing."""
        verb = self.verbs.get(cmd_name)
        if verb is None:
            return None
        return TyperCommand(name=cmd_name, help=verb.help, hidden=verb.is_hidden)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that the words name."""
        name, shown, rest = super().resolve_command(ctx, args)
        if not shown:
            return name, None, rest
        is_named = any(word.startswith("-") for word in rest)
        if ctx.resilient_parsing and self.verbs[str(name)].takes and not is_named:
            return name, _completed(str(name), self.verbs[str(name)], self.commands), rest
        return name, self.commands[str(name)], rest


def lazy_group(verbs: Mapping[str, Verb]) -> type[LazyGroup]:
    """The group of these verbs, for `typer.Typer(cls=...)`."""
    return type("VerbGroup", (LazyGroup,), {"verbs": verbs})


class CompletedCommand(TyperCommand):
    """Complete the first argument of a command; the command itself knows its options."""

    whole: Callable[[], Any]

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """The options, for which the command is imported."""
        if not incomplete.startswith("-"):
            return []
        command = self.whole()
        words = {"resilient_parsing": True, "parent": ctx.parent}
        return command.shell_complete(command.make_context(self.name, [], **words), incomplete)


def _completed(name: str, verb: Verb, commands: Mapping[str, Any]) -> CompletedCommand:
    offers = import_module("watermain.cli.offered").OFFERS  # needless to whom no shell asks
    alone = typer.Typer(add_completion=False)
    words = {"ignore_unknown_options": True, "allow_extra_args": True}
    alone.command(name, cls=CompletedCommand, context_settings=words)(offers[verb.takes])
    command = get_command(alone)
    assert isinstance(command, CompletedCommand)
    command.whole = lambda: commands[name]
    return command


def _command(name: str, verb: Verb) -> Any:
    module, _, attribute = verb.target.partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(name)(found)
        command = get_command(alone)
    command.name, command.hidden = name, verb.is_hidden
    return command
