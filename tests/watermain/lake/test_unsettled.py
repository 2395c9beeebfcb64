"""Data files outlive a commit whose answer was lost."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from watermain.lake.unsettled import FOLDER, Unsettled, heal


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A new data file of a lake."""
    path = tmp_path / "shop_curated" / "sales" / "day=1" / "a.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"rows")
    return path


def held(lake: Path) -> list[Path]:
    """What lies under second names."""
    return [path for path in (lake / FOLDER).rglob("*") if path.is_file()]


def test_second_names_are_forgotten_when_the_block_ends(tmp_path: Path, file: Path) -> None:
    with Unsettled(str(tmp_path), [str(file)]):
        assert [path.read_bytes() for path in held(tmp_path)] == [b"rows"]
    assert held(tmp_path) == []
    assert file.read_bytes() == b"rows"


def test_nothing_is_made_when_there_is_no_new_file(tmp_path: Path) -> None:
    with Unsettled(str(tmp_path), []) as files:
        files.restore()
    assert not (tmp_path / FOLDER).exists()


def test_restore_brings_back_what_the_engine_deleted(tmp_path: Path, file: Path) -> None:
    with Unsettled(str(tmp_path), [str(file)]) as files:
        file.unlink()
        file.parent.rmdir()
        files.restore()
    assert file.read_bytes() == b"rows"


def test_restore_leaves_what_is_still_there(tmp_path: Path, file: Path) -> None:
    with Unsettled(str(tmp_path), [str(file)]) as files:
        files.restore()
        assert len(held(tmp_path)) == 1
    assert file.read_bytes() == b"rows"


def test_file_that_another_commit_took_back_is_passed_over(tmp_path: Path, file: Path) -> None:
    gone = file.with_name("b.parquet")
    with Unsettled(str(tmp_path), [str(gone), str(file)]):
        assert [path.name for path in held(tmp_path)] == ["a.parquet"]


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM])
def test_file_is_copied_where_no_second_name_can_be_given(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.link", refuse)
    with Unsettled(str(tmp_path), [str(file)]) as files:
        file.unlink()
        files.restore()
    assert file.read_bytes() == b"rows"


def test_nothing_stays_when_the_disk_has_no_room_for_names(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.link", refuse)
    with pytest.raises(OSError, match="No space left"), Unsettled(str(tmp_path), [str(file)]):
        pass
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_heal_brings_back_what_a_dead_writer_left(tmp_path: Path, file: Path) -> None:
    dead = tmp_path / FOLDER / "held-1" / file.relative_to(tmp_path)
    dead.parent.mkdir(parents=True)
    file.rename(dead)
    heal(str(tmp_path))
    assert file.read_bytes() == b"rows"
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_heal_leaves_a_living_writer_alone(tmp_path: Path, file: Path) -> None:
    with Unsettled(str(tmp_path), [str(file)]) as files:
        file.unlink()
        heal(str(tmp_path))
        assert not file.exists()
        files.restore()
    assert file.read_bytes() == b"rows"


def test_heal_does_nothing_in_a_lake_without_such_files(tmp_path: Path) -> None:
    heal(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_folder_is_locked_before_it_is_seen(tmp_path: Path, file: Path) -> None:
    with Unsettled(str(tmp_path), [str(file)]):
        (folder,) = (tmp_path / FOLDER).iterdir()
        lock = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(lock)
