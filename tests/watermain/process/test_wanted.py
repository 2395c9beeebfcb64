"""What should run is remembered until somebody stops it."""

from __future__ import annotations

from pathlib import Path

import pytest

from watermain.process.wanted import Wanted


def test_what_is_wanted_is_kept_with_the_day_that_was_loaded(tmp_path: Path) -> None:
    """Each once; a later word leaves the day as it was."""
    wanted = Wanted(tmp_path)
    assert (wanted.services(), wanted.loaded()) == ((), None)
    wanted.want(["web", "live", "web"], loaded="2013-01-31")
    wanted.want(["web", "daemon"])
    assert Wanted(tmp_path).services() == ("web", "daemon")
    assert Wanted(tmp_path).loaded() == "2013-01-31"
    wanted.forget()
    wanted.forget()
    assert (wanted.services(), wanted.loaded()) == ((), None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"services": 3, "loaded": 4}'])
def test_memory_that_cannot_be_read_wants_nothing(tmp_path: Path, text: str) -> None:
    """A torn file stops no command."""
    wanted = Wanted(tmp_path)
    wanted.want(["web"])
    (tmp_path / "run" / "wanted.json").write_text(text)
    assert (wanted.services(), wanted.loaded()) == ((), None)
