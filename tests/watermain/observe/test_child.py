"""A process that is asked one thing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from watermain.observe.child import SilentChildError, asked

SHORT = timedelta(milliseconds=1)
LONG = timedelta(minutes=5)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that answers, or ends with what it was asked to say."""
    lines = (
        "import json, sys",
        "asked = sys.stdin.read()",
        "sys.exit(asked) if asked.startswith('no') else json.dump([asked], sys.stdout)",
    )
    (tmp_path / "answering.py").write_text("\n".join(lines))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "answering"


def test_answer_is_what_the_module_prints(module: str) -> None:
    """The question comes on its stdin."""
    assert asked(module, "what is it?", LONG) == ["what is it?"]


@pytest.mark.parametrize(
    ("question", "patience", "how", "said"),
    [
        ("no, a secret", LONG, "ended with 1", "no, a secret"),
        ("too late", SHORT, "gave no answer: TimeoutExpired", "Command"),
    ],
)
def test_process_without_an_answer_is_told(
    module: str, question: str, patience: timedelta, how: str, said: str
) -> None:
    """How it ended is for everybody; what it said is for who asks for that."""
    with pytest.raises(SilentChildError) as told:
        asked(module, question, patience)
    assert str(told.value) == how
    assert told.value.said.startswith(said)
