"""What the commands show while they work."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console, JustifyMethod, OverflowMethod
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
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    right: set[str] | None = None,
    wrap: str = "",
) -> None:
    """Print a table; on a terminal the column `wrap` goes on in the next line, others are cut."""
    shown = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    shown.show_header = any(columns)
    for name in columns:
        side: JustifyMethod = "right" if right and name in right else "left"
        fold: OverflowMethod = "fold" if name == wrap else "ellipsis"
        shown.add_column(name, justify=side, no_wrap=name != wrap, overflow=fold)
    for row in rows:
        shown.add_row(*(Text("" if v is None else str(v)) for v in row))
    console = OUT if OUT.is_terminal else Console(highlight=False, width=10_000)
    console.print(shown)


def clock(moment: datetime | str | None) -> str:
    """A moment on the clock of whoever looks; empty for none."""
    if moment is None:
        return ""
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def count(number: int, noun: str) -> str:
    """So many of a thing.

    >>> count(1, "row"), count(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def is_wide(columns: int) -> bool:
    """Whether so much fits beside each other; whatever is no terminal takes all."""
    return not OUT.is_terminal or OUT.width >= columns


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago something was, in its largest unit; empty where it never was.

    >>> from datetime import UTC, timedelta
    >>> ago(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 1, 1, 3, 59, tzinfo=UTC))
    '3 h ago'
    """
    if moment is None:
        return ""
    seconds = max(0.0, (now - moment).total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def facts(value: object) -> None:
    """Print facts as JSON for a script."""
    json.dump(value, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")
