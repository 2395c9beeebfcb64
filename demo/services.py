"""The commands that run until they are stopped: weather, movements, stations."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import typer
import uvicorn

from demo.began import began
from demo.bus import Bus, Sent, follow_movements, settle
from demo.calendar import local_day
from demo.operations import open_operations
from demo.options import LiveOptions, SeedOptions, taking
from demo.pace import present, stop_asked
from demo.screen import HourlyLines, report
from demo.sky import Sky
from demo.stations import Memory, connected_stations, follow_sky
from demo.weather import Shelf
from demo.weather_service import WeatherService, ensure_token


def shelf_of(folder: Path) -> Path:
    """Return the file that says which days the weather service has."""
    return folder / "demo" / "weather.json"


def sent_of(folder: Path) -> Path:
    """Return the file that says how far the movements are sent."""
    return folder / "demo" / "movements.json"


@taking(SeedOptions)
def weather(options: SeedOptions) -> None:
    """Serve hourly observations over HTTP, including today's as they become known."""
    parts = urlsplit(options.address("weather"))
    shelf = Shelf(shelf_of(options.folder))
    now = present()
    shelf.go_live(local_day(now) - timedelta(days=1), now)
    token = ensure_token(options.folder / "secrets" / "weather")
    app = WeatherService(shelf, token, options.seed).app
    uvicorn.run(app, host=parts.hostname or "", port=parts.port or 80, log_level="warning")


@taking(LiveOptions)
def movements(options: LiveOptions) -> None:
    """Publish today's movements to the bus as they happen; an empty bus gets the last hours."""
    bus, sent = Bus(options.address("movement_bus")), Sent(sent_of(options.folder))
    with closing(open_operations(options.folder)) as connection:
        settle(connection)
        since = began(connection).since
    with stop_asked() as stop, closing(HourlyLines()) as lines:
        pace = options.pace(stop)
        follow_movements(bus, options.seed, pace, sent, since=since, tell=lines.tell)
    _ended(options)


@taking(LiveOptions)
def stations(options: LiveOptions) -> None:
    """Let the field stations tell over MQTT what they measure every few seconds."""
    memory = Memory(options.folder / "demo" / "stations.json")
    address = options.address("field_stations")
    with closing(open_operations(options.folder)) as connection:
        since = began(connection).since
    with (
        stop_asked() as stop,
        connected_stations(address, memory, Sky(options.seed)) as found,
        closing(HourlyLines()) as lines,
    ):
        follow_sky(found, options.pace(stop), since=since, tell=lines.tell)
    _ended(options)


def _ended(options: LiveOptions) -> None:
    report({}, "stopped; the same command continues", as_json=options.as_json)


def add_to(app: typer.Typer) -> None:
    """Give the demo's command line these commands."""
    for command in (weather, movements, stations):
        app.command()(command)
