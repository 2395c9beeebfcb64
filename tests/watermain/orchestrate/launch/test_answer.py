"""One question is answered by a fork of the warm process, where there is one of the same code."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from tests.house.tree import ROOT
from tests.watermain.orchestrate.launch.scene import soon
from watermain.observe.child import SilentChildError, forked
from watermain.process import wire
from watermain.process.supervisor import Service, Supervisor

pytestmark = pytest.mark.slow
ANSWERING = "tests.watermain.orchestrate.launch.answering"
LONG, SHORT = timedelta(minutes=2), timedelta(seconds=3)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The folder and the number of a warm process that watches one file."""
    folder = tmp_path_factory.mktemp("answers")
    (folder / "watched").mkdir()
    (folder / "watched" / "watched_answers.py").write_text("")
    made = Supervisor(folder)
    command = (
        *(sys.executable, "-m", "watermain.orchestrate.launch.server"),
        *("--folder", str(folder / "warm"), "--preload", "watched_answers"),
        *("--watch", str(folder / "watched"), "--environment", "FOLLOWED"),
    )
    path = f"{folder / 'watched'}:{ROOT}"
    entry = made.start(Service(name="warm", command=command, environment={"PYTHONPATH": path}))
    soon(lambda: _answers(folder / "warm"))
    yield folder / "warm", entry.pid
    made.stop("warm")


def _answers(folder: Path) -> bool:
    try:
        return bool(wire.ask(folder, {"do": "ping"}, 60))
    except (FileNotFoundError, ConnectionError):
        return False


def test_fork_answers_with_what_was_imported_before(
    warm: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees the question and the settings of who asks; several in turn need one warm process."""
    folder, pid = warm
    monkeypatch.setenv("SAYS", "aloud")
    for question in ("who?", "who\nelse?"):
        done = forked(folder, ANSWERING, question, LONG)
        assert done is not None
        assert json.loads(done.out) == [question, pid, True, "aloud"]


@pytest.mark.parametrize(
    ("question", "code", "said"),
    [("no, never", 1, "no, never"), ("fail", 1, "KeyError: 'a defect of ours'")],
)
def test_how_an_answer_failed_is_told(
    warm: tuple[Path, int], question: str, code: int, said: str
) -> None:
    """By its code and its last words, as a process of its own would."""
    done = forked(warm[0], ANSWERING, question, LONG)
    assert done is not None
    assert (done.code, done.out) == (code, "")
    assert done.err.splitlines()[-1] == said


@pytest.mark.parametrize(("question", "patience"), [("wait", SHORT), ("die", LONG)])
def test_fork_without_an_answer_is_told_and_ended(
    warm: tuple[Path, int], question: str, patience: timedelta
) -> None:
    """One that takes too long does not go on; one that died is not waited for."""
    folder, pid = warm
    with pytest.raises(SilentChildError, match="gave no answer"):
        forked(folder, ANSWERING, question, patience)
    soon(lambda: not psutil.Process(pid).children())
    assert _answers(folder)


def test_what_does_not_fit_a_line_is_asked_otherwise(warm: tuple[Path, int]) -> None:
    """Neither a question nor an answer; the caller starts a process for them."""
    assert forked(warm[0], ANSWERING, "much", LONG) is None
    assert forked(warm[0], ANSWERING, "q" * wire.MOST_BYTES, LONG) is None


def test_nothing_is_forked_of_other_settings_or_code(
    warm: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor where no warm process is."""
    assert forked(tmp_path, ANSWERING, "who?", LONG) is None
    with monkeypatch.context() as other:
        other.setenv("FOLLOWED", "otherwise")
        assert forked(warm[0], ANSWERING, "who?", LONG) is None
    time.sleep(0.01)  # so that the file gets a later time
    (warm[0].parent / "watched" / "watched_answers.py").write_text("CHANGED = True\n")
    assert forked(warm[0], ANSWERING, "who?", LONG) is None
