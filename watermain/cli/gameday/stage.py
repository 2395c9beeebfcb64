"""The platform that fails on purpose: a project of its own, with processes of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from watermain.cli.gameday.failure import FAILURES
from watermain.cli.gameday.tides import Tides
from watermain.cli.init import templates
from watermain.declare.errors import InvalidProjectError, UnreachableSystemError
from watermain.process.postgres import EmbeddedPostgres
from watermain.project import Project
from watermain.settings import PREFIX, child_environment

HEADER = "sighting_id,seen_at,containers"
LEAD = timedelta(minutes=6)  # from writing the project to the first due time: it has to stand then
MORE = timedelta(minutes=1)  # for each time more
APART = timedelta(seconds=20)  # between one time and the next
AWAY = timedelta(days=7)  # when something is due that is not to be late on this game day
PATIENCE_SECONDS = 900
_REFUSED = "select max(at) from watermain.audit where dataset = %s"
ALL, LATENESS = tuple(FAILURES), "F1"


def refuse_others(project: Project) -> None:
    """See that failures may be provoked for a project.

    Raises: InvalidProjectError, for one that is neither a demo nor says that it may fail.
    """
    if not project.demo and not project.game_day:
        raise InvalidProjectError.nothing_happened(
            f"{project.root.name} is no demo, and does not say that failures may be provoked",
            declared=f"{project.root / 'pyproject.toml'}  [tool.watermain]",
            next='run it in the demo, or write game_day = "yes" there where nothing matters',
        )


@dataclass(frozen=True)
class Stage:
    """A project in a folder of its own; `due_at` is when its late tables are due, time by time.

    Shapes: what is not `played` has one table, so that a day of few failures is a small platform.
    """

    root: Path
    port: int
    due_at: tuple[datetime, ...]
    tides: Tides
    played: tuple[str, ...] = ALL

    def numbers(self, code: str) -> range:
        """The times of a failure that there are tables for."""
        return range(1, (len(self.due_at) if code in self.played else 1) + 1)

    @property
    def drop(self) -> Path:
        """Where its partner puts files."""
        return self.root / "drop"

    @property
    def home(self) -> Path:
        """Its data folder."""
        return self.root / "data"

    @property
    def dsn(self) -> str:
        """Where its books lie."""
        return EmbeddedPostgres(self.home / "postgres").dsn("watermain")

    @property
    def hour(self) -> datetime:
        """The beginning of the hour that is due."""
        begun = self.due_at[0] - lead(len(self.due_at))
        return begun.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)

    def send(
        self,
        name: str,
        rows: Sequence[Sequence[object]],
        header: str = HEADER,
        ago: timedelta = timedelta(0),
    ) -> None:
        """Drop a file, whole at once, as one that was written a while ago."""
        lines = [header, *(",".join(map(str, row)) for row in rows)]
        hidden = self.drop / f".{name}"
        hidden.write_text("\n".join(lines) + "\n")
        if ago:
            at = (datetime.now(UTC) - ago).timestamp()
            os.utime(hidden, (at, at))
        hidden.rename(self.drop / name)

    def plan_customs(self, said: Mapping[str, Collection[int]]) -> None:
        """Write which contracts of team customs are changed."""
        known = {"BROKEN": (), "KNOWN": (), **said}
        lines = [f"{name} = {tuple(sorted(some))}" for name, some in known.items()]
        lines = [f"PLAYED = {self.played}", *lines]
        head = '"""What `watermain gameday` wrote."""'
        hidden = self.root / "rooms" / "customs" / ".plan"
        hidden.write_text("\n".join([head, "", f"TIMES = {len(self.due_at)}", *lines, ""]))
        hidden.rename(hidden.with_name("plan.py"))

    def plant(self, dataset: str) -> None:
        """Give a table a past of cheap hours.

        Raises: UnreachableSystemError, with what it said instead.
        """
        done = self._python("watermain.cli.gameday.past", dataset)
        if done.returncode:
            raise _failed(("past", dataset), done)

    def refused_at(self, dataset: str) -> datetime:
        """When access to a dataset was refused last, by the platform's own book."""
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute(_REFUSED, [dataset]).fetchone()
        return row[0].astimezone(UTC) if row and row[0] else datetime.now(UTC)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ours in the project."""
        return self._python("watermain", *words)

    def _python(self, module: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a module in the project, under no settings but its own."""
        kept = {k: v for k, v in child_environment().items() if not k.startswith(PREFIX)}
        return subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=self.root,
            env={**kept, f"{PREFIX}PORT": str(self.port)},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def sound(self, *words: str) -> str:
        """What a command prints that has to end well.

        Raises: UnreachableSystemError, with what it said instead.
        """
        done = self.run(*words)
        if done.returncode:
            raise _failed(words, done)
        return done.stdout

    def facts(self, *words: str) -> Any:
        """What a command tells as JSON.

        Raises: UnreachableSystemError, with what it said instead.
        """
        return json.loads(self.sound(*words, "--json"))

    @contextmanager
    def up(self) -> Iterator[None]:
        """Bring the platform up; take it down whatever happens.

        Raises: UnreachableSystemError, with what it said instead.
        """
        try:
            self.sound("up", "--detach")
            yield
        finally:
            self.run("down")


def written(
    folder: Path,
    times: int,
    pager: int,
    outside: Tides,
    now: datetime,
    *,
    played: Collection[str] = ALL,
) -> Stage:
    """Write the project into a folder.

    Shapes: what is `played` may fail `times` times, and people are told at the port `pager`; unless
    lateness is played, nothing becomes late before the game day is long over.
    """
    root = folder / "game_day"
    shutil.copytree(
        templates() / "gameday", root, ignore=shutil.ignore_patterns("__pycache__", ".*_cache")
    )
    shutil.copytree(
        templates() / "project" / "dbt_project",
        root / "dbt_project",
        ignore=shutil.ignore_patterns("models", "target", "logs"),
    )
    for empty in ("dbt_project/models", "drop"):
        (root / empty).mkdir()
    hour = now.replace(minute=0, second=0, microsecond=0)
    due = tuple(now + lead(times) + APART * number for number in range(times))
    seconds = [int((each - hour).total_seconds()) for each in due]
    told = ", ".join(str(each + _away(played)) for each in seconds)
    codes = tuple(code for code in ALL if code in played)
    lines = [
        f"TIMES = {times}",
        f"PLAYED = {codes}",
        f"DUE_SECONDS = ({told},)",
        f"TODAY = {_day(now)}",
        "",
    ]
    plan = root / "rooms" / "harbour" / "plan.py"
    plan.write_text("\n".join(['"""What `watermain gameday` wrote."""', "", *lines]))
    _put(root / "resources" / "notifiers.py", pager)
    _put(root / "resources" / "connections.py", outside.port)
    exact = tuple(hour + timedelta(seconds=each) for each in seconds)
    made = Stage(root, free_port(), exact, outside, codes)
    made.plan_customs({})
    return made


def _away(played: Collection[str]) -> int:
    """The seconds by which what is not to be late is put off."""
    return 0 if LATENESS in played else int(AWAY.total_seconds())


def lead(times: int) -> timedelta:
    """The time that a platform has to stand in: one of more tables needs more."""
    return LEAD + MORE * (times - 1)


def _day(now: datetime) -> tuple[int, int, int]:
    begun = now - timedelta(hours=2)  # so that the hour that is due has begun on it
    return begun.year, begun.month, begun.day


def _put(path: Path, port: int) -> None:
    """Write the port of what the game plays into a file that names another."""
    path.write_text(path.read_text().replace("127.0.0.1:9/", f"127.0.0.1:{port}/"))


@contextmanager
def staged(
    times: int, pager: int, outside: Tides, *, played: Collection[str] = ALL, keep: bool = False
) -> Iterator[Stage]:
    """A stage in a scratch folder that goes when it is over, unless it is kept."""
    folder = Path(tempfile.mkdtemp(prefix="watermain-gameday-"))
    folder.chmod(0o700)
    try:
        yield written(folder, times, pager, outside, datetime.now(UTC), played=played)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _failed(words: Sequence[str], done: subprocess.CompletedProcess[str]) -> UnreachableSystemError:
    said = (done.stderr or done.stdout).strip().splitlines()
    return UnreachableSystemError(
        f"watermain {' '.join(words)} ended with {done.returncode}: {' '.join(said[-4:])[:400]}",
        declared="the project of the game day",
        data="of this project nothing is touched; that of the game day is taken down",
        next="watermain gameday --keep, and look there",
    )
