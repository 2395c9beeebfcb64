"""What the demo's commands show while they work."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from demo.calendar import NEW_YORK


class Bar:
    """A progress bar over a known number of changes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("reading the flights", total=None)

    def announce(self, changes: int) -> None:
        """Hear how many changes there will be."""
        self._progress.update(self._task, total=changes)

    def tell(self, changes: int, moment: datetime) -> None:
        """Hear of a transaction."""
        day = moment.astimezone(NEW_YORK).strftime("%Y-%m-%d %H:00")
        self._progress.update(self._task, advance=changes, description=day)


class HourlyLines:
    """One line for every hour of the demo's time."""

    def __init__(self) -> None:
        self._changes, self._hour = 0, ""

    def announce(self, changes: int) -> None:
        """Hear how many changes are planned."""
        typer.echo(f"{changes} changes are due until the end of tomorrow's flights", err=True)

    def tell(self, changes: int, moment: datetime) -> None:
        """Hear of a transaction."""
        local = (moment - timedelta(microseconds=1)).astimezone(NEW_YORK)
        hour = local.strftime("%Y-%m-%d %H:00 %Z")
        if hour != self._hour:
            self.close()
        self._changes, self._hour = self._changes + changes, hour

    def close(self) -> None:
        """Print what is not yet printed."""
        if self._changes:
            typer.echo(f"{self._hour}  {self._changes} changes", err=True)
        self._changes = 0


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """Show a bar on the terminal; nothing when there is none."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as progress:
        yield Bar(progress)


def report(facts: Mapping[str, object], sentence: str, *, as_json: bool) -> None:
    """Print facts for a script or a sentence for a person."""
    typer.echo(json.dumps(facts) if as_json else sentence)
