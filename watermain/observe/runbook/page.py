"""A runbook, read from its page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

StepKind = Literal["look", "mend", "ask", "hand"]
OURS = "watermain"
# What stands in a command for a word of the case at hand, and what it is.
GIVEN = {"DATASET": "the dataset", "PARTITION": "its partition"}
FOUND = {
    "CAUSE": "the cause of the alert that is open",
    "NUMBER": "the number of the incident that is open",
    "RUN": "the last run that failed",
}
ASKED = {
    "STATE": "good, bad or excused",
    "WHY": "why, in one sentence",
    "FIRST": "the first partition",
    "LAST": "the last partition",
    "KEY": "the condition that finds the row",
    "NAME": "its name",
}
KNOWN = {**GIVEN, **FOUND, **ASKED}
_TITLE = re.compile(r"^# +(.*)$", re.MULTILINE)
BLOCK = re.compile(r"^( *)```sh\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(rf"(?<!`)`({OURS} [^`\n]+)`(?!`)")


@dataclass(frozen=True, kw_only=True)
class RunbookStep:
    """One command of a runbook.

    Shapes: `look` changes nothing, `mend` may be done without harm at any time, `ask` needs
    somebody's decision, and `hand` is no command of ours, so that a person runs it. `words` are
    those of the command line, each one argument, with KNOWN words in capitals in them.
    """

    kind: StepKind
    why: str
    words: tuple[str, ...]

    @property
    def is_safe(self) -> bool:
        """Whether its page says that it may be run without being asked about."""
        return self.kind in ("look", "mend")

    @property
    def unfilled(self) -> set[str]:
        """The words in capitals that stand for something."""
        return {name for word in self.words for name in _CAPITALS.findall(word)} & KNOWN.keys()


@dataclass(frozen=True, kw_only=True)
class Runbook:
    """One page: what it is about, with the commands of its blocks in their order."""

    name: str
    title: str
    text: str
    steps: tuple[RunbookStep, ...]


_CAPITALS = re.compile(r"(?<![\w-])[A-Z]{3,}(?![\w-])")


def runbook(name: str, text: str) -> Runbook:
    """The runbook of a page.

    Shapes: each line of a block of `sh` is a command; the comment above it says why, and begins
    with `look:` or `mend:` where the command may be run without a question.
    """
    found = _TITLE.search(text)
    steps = tuple(step for block in BLOCK.finditer(text) for step in _steps(block.group(2)))
    return Runbook(name=name, title=found.group(1) if found else name, text=text, steps=steps)


def _steps(block: str) -> Iterator[RunbookStep]:
    why = ""
    for line in map(str.strip, block.splitlines()):
        if line.startswith("#"):
            why = line.lstrip("# ")
        elif line:
            yield _step(why, tuple(shlex.split(line)))
            why = ""


def _step(said: str, words: tuple[str, ...]) -> RunbookStep:
    mark, colon, why = said.partition(": ")
    kind: StepKind = "ask"
    if colon and mark in ("look", "mend"):
        kind, said = ("look" if mark == "look" else "mend"), why
    return RunbookStep(kind=kind if words[0] == OURS else "hand", why=said, words=words)


def filled(words: tuple[str, ...], case: dict[str, str]) -> tuple[str, ...]:
    """The words of a command with those of a case in them; each stays one argument.

    Shapes: a name that a case gives as empty, as the partition of a table that has none, is left
    out together with the option that it is of; an option that it gives as empty is left out with
    its word, as the partition of captured data, which nobody can ask for.
    """
    made: list[str] = []
    for word in words:
        option = made[-1] if made and made[-1].startswith("--") else None
        if option is not None and case.get(option) == "":
            made.pop()
        elif word in KNOWN and case.get(word) == "":
            made[len(made) - (option is not None) :] = []
        else:
            made.append(_CAPITALS.sub(lambda m: case.get(m.group(), m.group()), word))
    return tuple(made)


def told(book: Runbook, case: dict[str, str]) -> str:
    """The page with the words of a case in its commands, quoted for whoever copies them."""

    def block(found: re.Match[str]) -> str:
        lines = [_line(line, case) for line in found.group(2).splitlines()]
        return "\n".join((f"{found.group(1)}```sh", *lines, f"{found.group(1)}```"))

    inline = INLINE.sub(lambda m: f"`{_line(m.group(1), case)}`", book.text)
    return BLOCK.sub(block, inline)


def _line(line: str, case: dict[str, str]) -> str:
    begin = line[: len(line) - len(line.lstrip())]
    if not line.strip() or line.strip().startswith("#"):
        return line
    return begin + shlex.join(filled(tuple(shlex.split(line)), case))
