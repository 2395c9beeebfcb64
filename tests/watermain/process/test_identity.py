"""A process is known by its number with its start."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.watermain.orchestrate.launch.scene import soon
from watermain.process import identity
from watermain.process.identity import ProcessIdentity


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits, with a command that is hard to parse."""
    code = "import pathlib; pathlib.Path('/proc/self/comm').write_text('a) Z (b'); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_living_process_is_alive(child: subprocess.Popen[bytes]) -> None:
    """A name with brackets in it does not confuse the fields."""
    known = ProcessIdentity.of(child.pid)
    assert known.alive()
    assert ProcessIdentity.of(child.pid) == known


def test_signalled_process_dies_once(child: subprocess.Popen[bytes]) -> None:
    """`send` tells whether the process was there; a zombie is dead."""
    known = ProcessIdentity.of(child.pid)
    assert known.send(signal.SIGKILL)
    soon(lambda: not known.alive())
    assert not known.send(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not known.alive()
    assert not known.send(signal.SIGKILL)


def test_process_is_known_where_there_is_no_proc(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the kernel's folder the same process is the same, a dead one is dead."""
    monkeypatch.setattr(identity, "PROC", tmp_path)
    known = ProcessIdentity.of(child.pid)
    assert known.alive()
    assert ProcessIdentity.of(child.pid) == known
    assert not replace(known, started_ticks=known.started_ticks - 1).alive()
    child.kill()
    soon(lambda: not known.alive())
    child.wait()
    assert not known.alive()
    with pytest.raises(ProcessLookupError):
        ProcessIdentity.of(child.pid)


@pytest.mark.parametrize("other", [{"started_ticks": 1}, {"boot": "another"}])
def test_later_owner_of_the_number_is_left_alone(
    child: subprocess.Popen[bytes], other: dict[str, object]
) -> None:
    """The same number with another start, or of another boot, is another process."""
    stale = replace(ProcessIdentity.of(child.pid), **other)  # type: ignore[arg-type]
    assert not stale.alive()
    assert not stale.send(signal.SIGKILL)
    assert child.poll() is None
