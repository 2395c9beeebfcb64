"""The platform that fails on purpose: a project of its own, with processes of its own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from watermain.cli.init import templates
from watermain.declare.errors import InvalidProjectError, UnreachableSystemError
from watermain.process.postgres import EmbeddedPostgres
from watermain.project import Project
from watermain.settings import PREFIX, child_environment

HEADER = "sighting_id,seen_at,containers"
LEAD = timedelta(minutes=3)  # from writing the project to the first due time: it has to stand then
APART = timedelta(seconds=20)  # between one time and the next
PATIENCE_SECONDS = 900


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
    """A project in a folder of its own; `due_at` is when its late tables are due, time by time."""

    root: Path
    port: int
    due_at: tuple[datetime, ...]

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
        begun = self.due_at[0] - LEAD
        return begun.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)

    def send(self, name: str, rows: Sequence[Sequence[object]], header: str = HEADER) -> None:
        """Drop a file, whole at once."""
        lines = [header, *(",".join(map(str, row)) for row in rows)]
        hidden = self.drop / f".{name}"
        hidden.write_text("\n".join(lines) + "\n")
        hidden.rename(self.drop / name)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ours in the project."""
        kept = {k: v for k, v in child_environment().items() if not k.startswith(PREFIX)}
        ports = {f"{PREFIX}PORT": str(self.port)}
        return subprocess.run(
            [sys.executable, "-m", "watermain", *words],
            cwd=self.root,
            env={**kept, **ports},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def facts(self, *words: str) -> Any:
        """What a command tells as JSON.

        Raises: UnreachableSystemError, with what it said instead.
        """
        done = self.run(*words, "--json")
        if done.returncode:
            raise _failed(words, done)
        return json.loads(done.stdout)

    @contextmanager
    def up(self) -> Iterator[None]:
        """Bring the platform up; take it down whatever happens.

        Raises: UnreachableSystemError, with what it said instead.
        """
        try:
            done = self.run("up", "--detach")
            if done.returncode:
                raise _failed(("up",), done)
            yield
        finally:
            self.run("down")


def written(folder: Path, times: int, pager: int, now: datetime) -> Stage:
    """Write the project into a folder.

    Shapes: everything may fail `times` times, and people are told at the port `pager`.
    """
    root = folder / "game_day"
    shutil.copytree(templates() / "gameday", root)
    shutil.copytree(
        templates() / "project" / "dbt_project",
        root / "dbt_project",
        ignore=shutil.ignore_patterns("models", "target", "logs"),
    )
    (root / "dbt_project" / "models").mkdir()
    (root / "drop").mkdir()
    first = now + LEAD
    hour = now.replace(minute=0, second=0, microsecond=0)
    due = tuple(first + APART * number for number in range(times))
    told = ", ".join(str(int((each - hour).total_seconds())) for each in due)
    plan = root / "rooms" / "harbour" / "plan.py"
    plan.write_text(
        f'"""What `watermain gameday` wrote."""\n\nTIMES = {times}\nDUE_SECONDS = ({told},)\n'
    )
    notifiers = root / "resources" / "notifiers.py"
    notifiers.write_text(notifiers.read_text().replace("127.0.0.1:9/", f"127.0.0.1:{pager}/"))
    rounded = tuple(hour + timedelta(seconds=int((d - hour).total_seconds())) for d in due)
    return Stage(root, free_port(), rounded)


@contextmanager
def staged(times: int, pager: int, *, keep: bool = False) -> Iterator[Stage]:
    """A stage in a scratch folder that goes when it is over, unless it is kept."""
    folder = Path(tempfile.mkdtemp(prefix="watermain-gameday-"))
    folder.chmod(0o700)
    try:
        yield written(folder, times, pager, datetime.now(UTC))
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
