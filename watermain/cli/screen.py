"""What the commands show while they work."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

OUT = Console(highlight=False, soft_wrap=True)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)
WIDTH = 26


class ShownStep:
    """One line of a command that does several things."""

    def __init__(self, title: str) -> None:
        self.title, self.said, self.began = title, "", time.monotonic()
        self.is_wrong = False

    def say(self, text: str) -> None:
        """Tell what came of it."""
        self.said = text

    def fail(self, text: str) -> None:
        """Tell what went wrong where the block goes on."""
        self.said, self.is_wrong = text, True


@contextmanager
def step(title: str, *, spinner: bool = True) -> Iterator[ShownStep]:
    """Show a spinner while the block works, then one line with its seconds."""
    line = ShownStep(title)
    try:
        if spinner and ERR.is_terminal:
            with ERR.status(f"{title} ..."):
                yield line
        else:
            yield line
    except BaseException:
        _print(line, "failed", "red")
        raise
    _print(line, *(("failed", "red") if line.is_wrong else ("ok", "green")))


def _print(line: ShownStep, word: str, color: str) -> None:
    seconds = time.monotonic() - line.began
    text = Text("  ")
    text.append(f"{word:<7}", style=color)
    text.append(f"{line.title:<{WIDTH}}")
    text.append(f"{seconds:7.1f} s  ", style="dim")
    text.append(line.said)
    ERR.print(text)


@contextmanager
def bar(title: str, total: int | None) -> Iterator[Progress]:
    """Show a progress bar on a terminal; nothing where there is none."""
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=ERR, disable=not ERR.is_terminal, transient=True) as progress:
        progress.add_task(title, total=total)
        yield progress


def grid(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: set[str] | None = None
) -> None:
    """Print a table."""
    shown = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for name in columns:
        shown.add_column(name, justify="right" if right and name in right else "left", no_wrap=True)
    for row in rows:
        shown.add_row(*(Text("" if v is None else str(v)) for v in row))
    console = OUT if OUT.is_terminal else Console(highlight=False, width=10_000)
    console.print(shown)


def facts(value: object) -> None:
    """Print facts as JSON for a script."""
    json.dump(value, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")
