"""The options of the demo's commands."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, TypeVar, get_type_hints

import typer

from demo.calendar import FIRST_DAY, LAST_DAY, NEW_YORK, days_between
from demo.pace import AT_ONCE, FOREVER, Pace, present
from watermain.declare.errors import MissingSettingError
from watermain.settings import Settings, load_settings

DAY, MOMENT = ["%Y-%m-%d"], ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
SPEED_HELP = "'fast', or how many times faster than the world's own time."
SEED_HELP = "Draws what the real data do not tell."

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Common:
    """The options of every command."""

    data_dir: Annotated[
        Path | None, typer.Option(help="The folder of all state; by default WATERMAIN_DATA_DIR.")
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False

    @property
    def folder(self) -> Path:
        """Return the folder of all state."""
        return (self.data_dir or load_settings().data_dir).resolve()

    def address(self, connection: str) -> str:
        """Return the address of an outside system.

        Raises: MissingSettingError.
        """
        return Settings.model_validate({"data_dir": self.folder}).source(connection)

    def known_address(self, connection: str) -> str | None:
        """Return the address of an outside system, or None where nobody set it up."""
        try:
            return self.address(connection)
        except MissingSettingError:
            return None


@dataclass(frozen=True, kw_only=True)
class DropOptions(Common):
    """The options of `drop`."""

    half_written: Annotated[
        bool, typer.Option("--half-written", help="Leave broken files on purpose.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class LoadOptions(Common):
    """The options of `load`."""

    back: Annotated[
        int, typer.Option("--days", min=1, max=364, help="How many days before today, at first.")
    ] = 31
    as_recorded: Annotated[
        bool, typer.Option("--as-recorded", help="Days of 2013 as they were, not moved.")
    ] = False
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=DAY, help="As recorded: the first day, or 2013-01-01."),
    ] = None
    until: Annotated[
        datetime | None,
        typer.Option(formats=DAY, help="As recorded: the last day, or 2013-01-31."),
    ] = None
    year: Annotated[bool, typer.Option("--year", help="As recorded: all of 2013.")] = False
    final: Annotated[
        bool, typer.Option("--final", help="As recorded: only how every flight ended, at once.")
    ] = False
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=MOMENT, help="Stop the demo's clock here, New York time."),
    ] = None
    speed: Annotated[str, typer.Option(help=f"As recorded: {SPEED_HELP}")] = "fast"
    seed: Annotated[int, typer.Option(help=SEED_HELP)] = 7

    def __post_init__(self) -> None:
        of_2013 = {
            "--from": self.first,
            "--until": self.until,
            "--year": self.year,
            "--final": self.final,
            "--speed": factor(self.speed) != AT_ONCE,
        }
        given = [name for name, value in of_2013.items() if value]
        if given and not self.as_recorded:
            raise typer.BadParameter(f"{given[0]} needs --as-recorded")
        days = self.days
        if not days or days[0] < FIRST_DAY or days[-1] > LAST_DAY:
            raise typer.BadParameter(f"the flights are those of {FIRST_DAY} to {LAST_DAY}")

    @property
    def days(self) -> list[date]:
        """Return the days of 2013 to load."""
        if self.year:
            return days_between(FIRST_DAY, LAST_DAY)
        first = self.first.date() if self.first else FIRST_DAY
        return days_between(first, self.until.date() if self.until else date(2013, 1, 31))


@dataclass(frozen=True, kw_only=True)
class SeedOptions(Common):
    """The options of a service that serves what it is asked for."""

    seed: Annotated[int, typer.Option(help=SEED_HELP)] = 7


def factor(speed: str) -> float:
    """Read a speed: `fast` or a positive number."""
    if speed == "fast":
        return AT_ONCE
    try:
        found = float(speed)
    except ValueError:
        found = 0.0
    if not 0 < found < AT_ONCE:
        raise typer.BadParameter(f"--speed is 'fast' or a positive number, not {speed!r}")
    return found


def instant(local: datetime | None) -> datetime | None:
    """Read an option's New York time as an instant."""
    return local.replace(tzinfo=NEW_YORK) if local else None


@dataclass(frozen=True, kw_only=True)
class LiveOptions(Common):
    """The options of `live`."""

    until: Annotated[
        datetime | None, typer.Option(formats=MOMENT, help="When to stop, New York time.")
    ] = None
    speed: Annotated[str, typer.Option(help=SPEED_HELP)] = "1"
    seed: Annotated[int, typer.Option(help=SEED_HELP)] = 7

    def __post_init__(self) -> None:
        if factor(self.speed) == AT_ONCE and self.until is None:
            raise typer.BadParameter("--speed fast needs --until")

    def pace(self, stop: threading.Event) -> Pace:
        """Return the pace from now on."""
        return Pace(present(), instant(self.until) or FOREVER, factor(self.speed), stop)


def taking(options: type[T]) -> Callable[[Callable[[T], None]], Callable[..., None]]:
    """Let a command take the fields of a dataclass as its options."""
    hints = get_type_hints(options, include_extras=True)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(options)  # type: ignore[arg-type]
    ]

    def grouped(command: Callable[[T], None]) -> Callable[..., None]:
        def call(**given: object) -> None:
            command(options(**given))

        call.__name__, call.__doc__ = command.__name__, command.__doc__
        call.__annotations__ = hints
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return call

    return grouped
