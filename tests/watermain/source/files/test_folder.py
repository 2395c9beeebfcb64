"""A folder gives its own files only: none that cannot be had stands in the way."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.watermain.source.dropped import FilesKind
from tests.watermain.source.kinds import Ledger
from watermain.declare.errors import UnreachableSystemError
from watermain.source.delivery import UnreadableFileError
from watermain.source.drop.store import Look
from watermain.source.files.folder import MOST_LEVELS, Folder

MOST = 1000
NOBODY = 65534
GOOD = "id,day,note\n{},2013-01-01,n\n"


def names(folder: Folder, pattern: str = "**/*") -> list[str]:
    """What a pattern lists."""
    return sorted(look.name for look in folder.looks(pattern, MOST))


@contextmanager
def ordinary_user(*folders: Path) -> Iterator[None]:
    """Be one in the block, whom these folders belong to."""
    if os.geteuid() != 0:
        yield
        return
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that other users reach, unlike the tests' own ones."""
    made = Path(tempfile.mkdtemp(prefix="watermain-folder-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def test_file_that_may_not_be_read_is_aside_until_it_changes(
    open_place: Path, ledger: Ledger
) -> None:
    """Its reason is told once; the others are captured; given its mode, it is, too."""
    kind = FilesKind(open_place / "drop", open_place / "scratch")
    (open_place / "scratch").mkdir()
    kind.write("things-1.csv", GOOD.format(1))
    closed = kind.write("things-2.csv", GOOD.format(2))
    kind.write("things-3.csv", GOOD.format(3))
    closed.chmod(0)
    with ordinary_user(open_place):
        ledger.capture(kind.open())
        assert sorted(ledger.rows("id")) == [("1",), ("3",)]
        told = [row for each in ledger.seen for row in each.rejected]
        reason = "it may not be read: Permission denied"
        assert told == [{"position": "things-2.csv", "reason": reason, "payload": ""}]
        assert ledger.capture(kind.open()) == []
        assert kind.open().backlog().files == 0
        closed.chmod(0o600)
        ledger.capture(kind.open())
    assert sorted(ledger.rows("id")) == [("1",), ("2",), ("3",)]


def test_folder_that_may_not_be_listed_hides_its_own_files_only(open_place: Path) -> None:
    """The walk goes on elsewhere."""
    for name in ("a", "closed", "z"):
        (open_place / name).mkdir()
        (open_place / name / "f.csv").write_text("x")
    (open_place / "closed").chmod(0)
    with ordinary_user(open_place):
        assert names(Folder(open_place)) == ["a/f.csv", "z/f.csv"]
        (open_place / "closed").chmod(0o700)


class Failing(Folder):
    """A folder on a disk that fails for one of its files."""

    def opened(self, look: Look) -> BinaryIO:
        if look.name == "things-2.csv":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().opened(look)


def test_file_on_a_failing_disk_is_left_for_later(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are captured before the error is raised; it is captured when the disk gives it."""
    kind = FilesKind(tmp_path / "drop", tmp_path / "scratch")
    for number in (1, 2, 3):
        kind.write(f"things-{number}.csv", GOOD.format(number))
    with monkeypatch.context() as patch:
        patch.setattr("watermain.source.files.files.Folder", Failing)
        with pytest.raises(UnreachableSystemError) as raised:
            ledger.capture(kind.open())
    assert raised.value.what == (
        "operations.raw.things: things-2.csv cannot be read now: Input/output error"
    )
    assert raised.value.data == "the other files were captured; this one is tried again"
    assert sorted(ledger.rows("id")) == [("1",), ("3",)]
    ledger.capture(kind.open())
    assert sorted(ledger.rows("id")) == [("1",), ("2",), ("3",)]


@pytest.mark.parametrize("swapped", ["folder", "file", "root of the path"])
def test_link_put_in_place_after_the_look_is_not_followed(tmp_path: Path, swapped: str) -> None:
    """Between the listing and the opening somebody points a step of the path elsewhere."""
    outside = tmp_path / "outside"
    inside = tmp_path / "drop" / "a" / "b"
    for place in (outside, outside / "b", inside):
        place.mkdir(parents=True, exist_ok=True)
        (place / "f.csv").write_text("secret" if "outside" in str(place) else "own")
    folder = Folder(tmp_path / "drop")
    (look,) = folder.looks("a/b/*.csv", MOST)
    with folder.opened(look) as file:
        assert file.read() == b"own"
    gone, target = {
        "folder": (inside, outside),
        "file": (inside / "f.csv", outside / "f.csv"),
        "root of the path": (tmp_path / "drop" / "a", outside),
    }[swapped]
    gone.rename(tmp_path / "gone")
    gone.symlink_to(target)
    with pytest.raises(FileNotFoundError):
        folder.opened(look)
    assert folder.again(look) is None
    assert folder.looks("a/b/*.csv", MOST) == []


def test_links_lead_to_files_within_only(tmp_path: Path) -> None:
    """One to a file within is that file under its own name; all others lead nowhere."""
    root = tmp_path / "drop"
    (root / "deep").mkdir(parents=True)
    (root / "deep" / "real.csv").write_text("own")
    (tmp_path / "outside.csv").write_text("secret")
    for name, target in (
        ("in.csv", "deep/real.csv"), ("out.csv", "../outside.csv"), ("loop.csv", "loop.csv"),
        ("gone.csv", "nothing"), ("folder.csv", "deep"), ("absolute.csv", "/etc/hostname"),
    ):  # fmt: skip
        (root / name).symlink_to(target)
    (root / "linked").symlink_to("deep")
    folder = Folder(root)
    assert names(folder) == ["deep/real.csv", "in.csv"]
    (look,) = folder.looks("in.csv", MOST)
    with folder.opened(look) as file:
        assert file.read() == b"own"
    assert folder.again(look) == look


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    """A pipe that nobody writes to, a folder with a file's name; a file that became one of them."""
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file.csv").write_text("x")
    folder = Folder(tmp_path)
    (look,) = folder.looks("*.csv", MOST)
    assert look.name == "file.csv"
    (tmp_path / "file.csv").unlink()
    os.mkfifo(tmp_path / "file.csv")
    with pytest.raises(FileNotFoundError):
        folder.opened(look)
    (tmp_path / "file.csv").unlink()
    (tmp_path / "file.csv").mkdir()
    with pytest.raises(FileNotFoundError):
        folder.opened(look)
    shutil.rmtree(tmp_path / "file.csv")
    with pytest.raises(FileNotFoundError):
        folder.opened(look)


def test_path_too_long_for_the_system_hides_itself_only(tmp_path: Path) -> None:
    """Folders in folders, deeper than any name may be: they end no listing."""
    (tmp_path / "a.csv").write_text("x")
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(MOST_LEVELS + 20):
            os.mkdir("d" * 200, dir_fd=here)
            below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        with suppress(OSError):
            os.close(os.open("deep.csv", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    finally:
        os.close(here)
    assert names(Folder(tmp_path)) == ["a.csv"]
    os.system(f"rm -rf {tmp_path}/d*")


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*.csv", ["a.csv"]),
        ("*/*.csv", ["x/b.csv", "y/c.csv"]),
        ("x/*.csv", ["x/b.csv"]),
        ("**/*.csv", ["a.csv", "x/b.csv", "x/z/d.csv", "y/c.csv"]),
        ("x/**/*.csv", ["x/b.csv", "x/z/d.csv"]),
        ("[ay]*.csv", ["a.csv"]),
        ("?.csv", ["a.csv"]),
        ("nothing/*.csv", []),
    ],
)
def test_pattern_names_files_as_in_a_bucket(
    tmp_path: Path, pattern: str, wanted: list[str]
) -> None:
    """A star stays within a folder; two of them cross any number."""
    for name in ("a.csv", "x/b.csv", "y/c.csv", "x/z/d.csv", "x/.hidden/e.csv", "x/f.csv.tmp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert names(Folder(tmp_path), pattern) == wanted


def test_refusal_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system does not permit is no fault that passes."""
    (tmp_path / "a.csv").write_text("x")
    folder = Folder(tmp_path)
    (look,) = folder.looks("*.csv", MOST)

    def refusing(*_: object, **__: object) -> int:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr("watermain.source.files.folder.os.open", refusing)
    with pytest.raises((UnreadableFileError, PermissionError), match="not permitted"):
        folder.opened(look)
