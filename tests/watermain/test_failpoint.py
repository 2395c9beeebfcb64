"""Failpoints do nothing unless asked, then exactly what was asked."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from itertools import count

import pytest

from watermain.failpoint import failpoint

NUMBERS = count()


@pytest.fixture
def name() -> str:
    """A failpoint that no other test has hit."""
    return f"test.point_{next(NUMBERS)}"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATERMAIN_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("WATERMAIN_FAILPOINT", raising=False)


def test_failpoint_does_nothing_by_default(name: str) -> None:
    """Without the setting a failpoint is passed."""
    failpoint(name)


def test_failpoint_passes_other_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the place that is named fails."""
    monkeypatch.setenv("WATERMAIN_FAILPOINT", "elsewhere=raise")
    failpoint(name)


def test_failpoint_fails_at_the_nth_passage_only(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count decides, once."""
    monkeypatch.setenv("WATERMAIN_FAILPOINT", f"{name}=raise:2")
    failpoint(name)
    with pytest.raises(RuntimeError, match=name):
        failpoint(name)
    failpoint(name)


@pytest.mark.parametrize("kind", ["enospc", "eio"])
def test_failpoint_raises_what_a_disk_would(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error carries the system's own number."""
    monkeypatch.setenv("WATERMAIN_FAILPOINT", f"{name}={kind}")
    with pytest.raises(OSError, match=r"\[Errno") as raised:
        failpoint(name)
    assert raised.value.errno == getattr(errno, kind.upper())


def test_failpoint_kills_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing runs after it, not even a finally."""
    monkeypatch.setenv("WATERMAIN_FAILPOINT", "here=kill")
    program = (
        "from watermain.failpoint import failpoint\ntry: failpoint('here')\nfinally: print('alive')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout == b""
