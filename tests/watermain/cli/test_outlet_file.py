"""Where nothing can be written, four lines say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from watermain.cli.outlet_file import written_to
from watermain.declare.errors import InvalidDeclarationError


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A folder that is a file, and one that is missing."""
    (tmp_path / "file").write_text("")
    for place, why in (("file/rules.yml", "Not a directory"), ("gone/rules.yml", "No such file")):
        with pytest.raises(InvalidDeclarationError) as told, written_to(tmp_path / place):
            (tmp_path / place).write_text("x")
        assert f"{tmp_path / place} cannot be written: {why}" in str(told.value)
        assert len(str(told.value).splitlines()) == 4


def test_what_can_be_written_is(tmp_path: Path) -> None:
    """Nothing else is done to it, and other errors pass."""
    with written_to(tmp_path / "page"):
        (tmp_path / "page").write_text("x")
    assert (tmp_path / "page").read_text() == "x"
    with pytest.raises(ValueError, match="other"), written_to(tmp_path / "page"):
        raise ValueError("other")
