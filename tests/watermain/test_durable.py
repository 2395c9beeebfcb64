"""A file is replaced whole, for good; a lock has one holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from watermain import durable

SOON = timedelta(milliseconds=50)
LONG = timedelta(seconds=20)
HOLDER = (
    "import sys, time; from pathlib import Path; from watermain import durable\n"
    "lock = durable.lock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the calls that reach the disk, in their order."""
    seen: list[str] = []

    def told(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*words: object, **named: object) -> object:
            seen.append(name)
            return real(*words, **named)

        return call

    for name in ("fsync", "rename", "replace", "link", "unlink"):
        monkeypatch.setattr(os, name, told(name))
    return seen


@pytest.mark.parametrize("content", ["text é", b"\x00bytes"])
def test_file_is_replaced_whole_with_what_it_says(tmp_path: Path, content: str | bytes) -> None:
    """Text and bytes take the place of what was there; nothing else is left in the folder."""
    path = tmp_path / "deep" / "state.json"
    durable.replace(path, "before")
    durable.replace(path, content)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert os.listdir(path.parent) == ["state.json"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_content_is_on_the_disk_before_its_name_and_the_name_after(
    tmp_path: Path, calls: list[str]
) -> None:
    """A power cut leaves the old file or the new one, never an empty one."""
    durable.replace(tmp_path / "state", "x")
    named = [name for name in calls if name != "unlink"]
    assert named in (["fsync", "replace", "fsync"], ["fsync", "rename", "fsync"])


def test_old_file_stays_when_the_new_one_cannot_be_made_ready(tmp_path: Path) -> None:
    """What fails before the name is taken leaves neither a new file nor litter."""
    path = tmp_path / "state"
    durable.replace(path, "before")

    def broken(fresh: Path) -> None:
        assert fresh.read_text() == "after"
        raise PermissionError(fresh)

    with pytest.raises(PermissionError):
        durable.replace(path, "after", prepare=broken)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["state"]


def test_litter_of_a_killed_writer_is_written_over(tmp_path: Path) -> None:
    """A process that inherits the number of a killed one is not stopped by what that one left."""
    left = tmp_path / f".state.{os.getpid()}-{threading.get_native_id()}.new"
    left.write_text("half")
    durable.replace(tmp_path / "state", "whole")
    assert os.listdir(tmp_path) == ["state"]


def test_writers_of_one_name_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Whoever reads meanwhile finds one of the contents, whole."""
    path, size = tmp_path / "state", 100_000
    durable.replace(path, "a" * size)

    def write(letter: str) -> None:
        for _ in range(20):
            durable.replace(path, letter * size)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for writer in writers:
        writer.start()
    found = set()
    while any(writer.is_alive() for writer in writers):
        found.add(path.read_text())
    for writer in writers:
        writer.join()
    assert all(len(text) == size and len(set(text)) == 1 for text in found)
    assert os.listdir(tmp_path) == ["state"]


def test_file_is_created_once(tmp_path: Path) -> None:
    """The second to come learns of it, and changes nothing."""
    path = tmp_path / "claim"
    assert durable.create(path, "first")
    assert not durable.create(path, "second")
    assert path.read_text() == "first"
    assert os.listdir(tmp_path) == ["claim"]


def test_lock_has_one_holder_until_it_lets_go(tmp_path: Path) -> None:
    """Who does not wait is told at once, who waits a while after it, then it is free."""
    path = tmp_path / "lock"
    with durable.alone(path):
        for within in (durable.AT_ONCE, SOON):
            began = time.monotonic()
            with pytest.raises(BlockingIOError), durable.alone(path, within):
                pass
            assert time.monotonic() - began >= within.total_seconds()
    with durable.alone(path) as descriptor:
        assert os.get_inheritable(descriptor) is False


@pytest.mark.parametrize("within", [LONG, None])
def test_lock_is_had_once_its_holder_died(tmp_path: Path, within: timedelta | None) -> None:
    """The kernel lets go of what a killed process held; whoever waits has it then."""
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        threading.Timer(0.2, holder.send_signal, (signal.SIGKILL,)).start()
        with durable.alone(path, within):
            assert holder.wait(120) == -signal.SIGKILL


def test_file_beside_takes_the_place_whole(tmp_path: Path, calls: list[str]) -> None:
    """Its bytes are on the disk before its name is; what stood there stands until then."""
    path = tmp_path / "kept"
    path.write_text("before")
    with durable.beside(path) as fresh:
        fresh.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]
    assert calls.count("fsync") == 2


def test_file_beside_goes_where_the_block_fails(tmp_path: Path) -> None:
    """And leaves what stood there."""
    path = tmp_path / "kept"
    path.write_text("before")

    def half() -> None:
        with durable.beside(path) as fresh:
            fresh.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
