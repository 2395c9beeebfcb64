"""The services that make up a running platform."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from watermain.declare.errors import UnreachableSystemError
from watermain.process.broker import broker_command
from watermain.process.family import Families
from watermain.process.instance import instance_environment, rooms_workspace, warm_configuration
from watermain.process.postgres import EmbeddedPostgres
from watermain.process.supervisor import Entry, Service, Supervisor
from watermain.process.wanted import Wanted
from watermain.process.worker_record import WorkerRecords
from watermain.settings import Settings, project

HOST = "127.0.0.1"
WEB, DAEMON, WARM, LIVE, TEND = "web", "daemon", "warm", "live", "tend"
MOVEMENTS, STATIONS = "movements", "stations"
STREAM, SERVE, OBSERVE = "stream", "serve", "observe"
CONSOLE = "console"
BUS, FIELD, WEATHER = "bus", "field", "weather"
TODAY = (LIVE, MOVEMENTS, STATIONS)  # what lets the demo's world of today happen
OUTSIDE = {  # the demo's servers: the connection that leads to each, and how its address begins
    BUS: ("movement_bus", ""),
    FIELD: ("field_stations", "mqtt://"),
    WEATHER: ("weather", "http://"),
}
ROOM_STREAM = f"{STREAM}-"  # and then a room, where each room's is a process of its own
FEATURES = (STREAM, SERVE)  # what keeps online features fresh, and what answers for them
# Memory that glibc keeps for each thread of a service that once was busy: one heap for all of them,
# from which more than a megabyte that is free at its end goes back, as does each large piece.
ONE_HEAP = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 20),
}
STOP_ORDER = (TEND, CONSOLE, OBSERVE, *FEATURES, *TODAY, DAEMON, WEB, WARM, *OUTSIDE)


@dataclass(frozen=True)
class Services:
    """Know each service of one data folder: how it starts and in which order all stop."""

    settings: Settings

    @property
    def supervisor(self) -> Supervisor:
        """The process table of the data folder."""
        warm = rooms_workspace(self.settings).parent
        return Supervisor(self.settings.home, self.at_work, warm)

    @property
    def wanted(self) -> Wanted:
        """The services that `watermain up` was to start and that nobody has stopped since."""
        return Wanted(self.settings.home)

    @property
    def server(self) -> EmbeddedPostgres:
        """The embedded PostgreSQL of the platform."""
        return EmbeddedPostgres(self.settings.home / "postgres")

    @property
    def demo_server(self) -> EmbeddedPostgres:
        """The embedded PostgreSQL that the demo's operations database lives in."""
        return EmbeddedPostgres(self.settings.home / "demo" / "postgres")

    @property
    def url(self) -> str:
        """Where Dagster's web server is reached."""
        return f"http://{HOST}:{self.settings.port}"

    def at_work(self) -> set[int]:
        """The processes that runs are worked on in, each with all that it started."""
        running, look = WorkerRecords(rooms_workspace(self.settings).parent).running(), Families()
        return {pid for record in running for pid in look.of(record.process.pid)}

    def start(self, name: str) -> Entry:
        """Start a service unless it runs."""
        return self.supervisor.start(self.service(name))

    def service(self, name: str) -> Service:
        """How to start a service."""
        settings, python = self.settings, sys.executable
        rooms = str(rooms_workspace(settings))
        environment = {**instance_environment(settings), **ONE_HEAP, "PYTHONUNBUFFERED": "1"}
        commands: dict[str, tuple[str, ...]] = {
            WEB: (
                *(python, "-m", "watermain.orchestrate.instance.web", "--workspace", rooms),
                *("--host", HOST, "--port", str(settings.port)),
            ),
            DAEMON: (python, "-m", "watermain.orchestrate.instance.daemon", "run", "-w", rooms),
            WARM: (
                python,
                "-m",
                "watermain.orchestrate.launch.server",
                *_words(warm_configuration(settings)),
            ),
            TEND: (python, "-m", "watermain", "tend"),
            OBSERVE: (python, "-m", "watermain", "observe"),
            CONSOLE: (python, "-m", "watermain", "console"),
            STREAM: (python, "-m", "watermain", "stream", *_streamed(name)),
            SERVE: (python, "-m", "watermain", "serve", *self._door()),
        }
        is_demo = name in (*TODAY, *OUTSIDE)
        return Service(
            name=name,
            command=self._demo(name) if is_demo else commands[STREAM if is_stream(name) else name],
            environment=environment,
            grace=timedelta(seconds=10 if is_demo else 25),
            is_forked=name != WARM and not is_demo,
        )

    def _door(self) -> tuple[str, ...]:
        """How the feature server listens: asking for keys as soon as a consumer was added."""
        port = ("--port", str(self.settings.serve_port))
        return port if self.settings.serve_keys_file.exists() else (*port, "--open")

    @property
    def features_url(self) -> str:
        """Where the feature server is reached."""
        return f"http://{HOST}:{self.settings.serve_port}"

    @property
    def console_url(self) -> str:
        """Where the console is reached."""
        return f"http://{HOST}:{self.settings.console_port}"

    def _demo(self, name: str) -> tuple[str, ...]:
        """The command of one of the demo's services."""
        if name == BUS:
            return tuple(broker_command(self.outside_port(name)))
        if name == FIELD:
            journal = self.settings.home / "demo" / "field.sqlite"
            port = str(self.outside_port(name))
            return (sys.executable, "-m", f"{project().demo}.mqtt_broker", port, str(journal))
        return (sys.executable, "-m", project().demo, name)

    def outside_port(self, name: str) -> int:
        """The port of one of the demo's servers.

        Raises: MissingSettingError, before its address is set.
        """
        return int(self.settings.source(OUTSIDE[name][0]).rpartition(":")[2])

    def check_port(self) -> None:
        """Prove that the web server's port is free or ours.

        Raises: UnreachableSystemError, naming the port.
        """
        if self.supervisor.alive(WEB) is not None:
            return
        port = self.settings.port
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise UnreachableSystemError(
                    f"port {port} on {HOST} is taken by another program",
                    declared="WATERMAIN_PORT, or --port",
                    data="nothing was started",
                    next=f"WATERMAIN_PORT={port + 1 if port < 65535 else 3000} make up",
                ) from error

    def clean_up(self, awaited: Collection[str] = ()) -> list[str]:
        """Clear what an earlier run that was killed left behind; say what it was.

        Guarantees: what lives is let be, be it a service or a run; services that died stay on the
        table as long as they are awaited.
        """
        told = []
        supervisor = self.supervisor
        for entry in supervisor.dead():
            if entry.name not in awaited:
                supervisor.forget(entry.name)
            told.append(f"{entry.name} (process {entry.pid}) had died")
        strays = supervisor.stop_strays()
        if strays:
            told.append(f"stopped {len(strays)} processes that nobody looked after")
        for title, server in (("PostgreSQL", self.server), ("demo database", self.demo_server)):
            if (server.data / "postmaster.pid").exists() and server.running() is None:
                told.append(f"{title} had died; it recovers as it starts")
        if not supervisor.entries() and self.server.running() is None:
            shutil.rmtree(self.settings.home / "tmp", ignore_errors=True)
        return told

    def stop(self) -> list[str]:
        """Stop every process that the platform started; give a line for each."""
        supervisor, told = self.supervisor, []
        known = supervisor.entries()
        order = [*STOP_ORDER, *(name for name in known if name not in STOP_ORDER)]
        for name in order:
            if name in known:
                gone = supervisor.stop(name)
                told.append(f"{name}: {len(gone)} processes" if gone else f"{name}: had died")
        strays = supervisor.stop_strays(busy=True)
        if strays:
            told.append(f"left behind: {len(strays)} processes")
        for title, server in (("demo database", self.demo_server), ("postgres", self.server)):
            if server.running() is not None:
                server.stop()
                told.append(title)
        self.wanted.forget()
        return told


def stream_of(team: str) -> str:
    """The service that captures one room without end."""
    return f"{ROOM_STREAM}{team}"


def is_stream(name: str) -> bool:
    """Whether a service captures without end."""
    return name == STREAM or name.startswith(ROOM_STREAM)


def _streamed(name: str) -> tuple[str, ...]:
    """What a stream is told to capture; nothing stands for all that flows."""
    if name.startswith(ROOM_STREAM):
        return (name.removeprefix(ROOM_STREAM),)
    said = project().stream
    return () if isinstance(said, str) else said


def _words(options: Mapping[str, str | bool | list[str]]) -> list[str]:
    """Options as a command line: a list follows its name and a flag stands alone."""
    words = []
    for name, value in options.items():
        words.append(f"--{name.replace('_', '-')}")
        if not isinstance(value, bool):
            words += [value] if isinstance(value, str) else value
    return words


def free_bytes(folder: Path) -> int:
    """The room on the disk that holds a folder."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
