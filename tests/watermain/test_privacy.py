"""No other user of the machine reads what the platform keeps."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from watermain.privacy import close, open_to_others
from watermain.process.supervisor import Service, Supervisor
from watermain.settings import Settings


def mode(path: Path) -> int:
    """The permissions of a path."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def older(tmp_path: Path) -> Settings:
    """A data folder as an earlier release left it."""
    home = tmp_path / "data"
    (home / "lake").mkdir(parents=True)
    (home / "online.sqlite").write_text("x")
    for path, rights in ((home, 0o755), (home / "lake", 0o755), (home / "online.sqlite", 0o644)):
        path.chmod(rights)
    return Settings(data_dir=home)


def test_folder_that_exists_is_closed(older: Settings) -> None:
    """Itself, what lies in it; once is enough."""
    home = older.home
    assert open_to_others(older) == [home, home / "lake", home / "online.sqlite"]
    assert close(older) == [home, home / "lake", home / "online.sqlite"]
    assert (mode(home), mode(home / "lake"), mode(home / "online.sqlite")) == (0o700, 0o700, 0o600)
    assert close(older) == open_to_others(older) == []


def test_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    """It is made so, the lake's too where that lies elsewhere."""
    settings = Settings(data_dir=tmp_path / "data", lake_path=str(tmp_path / "lake"))
    assert close(settings) == []
    assert (mode(tmp_path / "data"), mode(tmp_path / "lake")) == (0o700, 0o700)


def test_links_and_what_is_not_ours_stay(older: Settings, tmp_path: Path) -> None:
    """What a link leads to keeps its permissions."""
    aim = tmp_path / "aim"
    aim.mkdir()
    aim.chmod(0o755)
    (older.home / "link").symlink_to(aim)
    close(older)
    assert mode(aim) == 0o755


def test_services_make_files_of_their_owners_alone(older: Settings) -> None:
    """Whatever the umask of the shell that started them."""
    made = older.home / "made"
    words = f"import pathlib; pathlib.Path({str(made)!r}).write_text('x')"
    supervisor = Supervisor(older.home)
    supervisor.start(Service(name="maker", command=[sys.executable, "-c", words]))
    while not made.exists():
        subprocess.run([sys.executable, "-c", "pass"], check=True)
    supervisor.stop("maker")
    assert mode(made) == 0o600
