"""What should run is remembered until somebody stops it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from watermain.process.identity import ProcessIdentity
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


def test_services_are_coming_while_the_one_that_starts_them_is_at_work(tmp_path: Path) -> None:
    """Until it says that all has come, or dies; what it has started already is not to come."""
    wanted, me = Wanted(tmp_path), ProcessIdentity.of(os.getpid())
    assert not wanted.is_coming()
    wanted.want(["web"])
    assert wanted.is_coming()
    older, newer = (replace(me, started_ticks=me.started_ticks + n) for n in (-1, 1))
    assert wanted.is_coming(older)
    assert wanted.is_coming(replace(newer, boot="another"))
    assert not wanted.is_coming(newer)
    wanted.come()
    assert not wanted.is_coming()
    assert (wanted.services(), wanted.loaded()) == (("web",), None)
    word = f"from pathlib import Path; from {Wanted.__module__} import Wanted;"
    word += f" Wanted(Path({str(tmp_path)!r})).want(['web', 'live'])"
    subprocess.run([sys.executable, "-c", word], check=True)
    assert wanted.services() == ("web", "live")
    assert not wanted.is_coming()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"services": 3, "loaded": 4, "by": 5}'])
def test_memory_that_cannot_be_read_wants_nothing(tmp_path: Path, text: str) -> None:
    """A torn file stops no command."""
    wanted = Wanted(tmp_path)
    wanted.want(["web"])
    (tmp_path / "run" / "wanted.json").write_text(text)
    assert (wanted.services(), wanted.loaded(), wanted.is_coming()) == ((), None, False)
