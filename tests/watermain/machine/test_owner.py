"""Whose a data folder is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from watermain.declare.errors import InvalidProjectError, OtherReleaseError
from watermain.machine import owner
from watermain.machine.owner import OWNER_FILE, claim, prove_owner, release
from watermain.settings import Settings


def says(home: Path, project: Path | str, version: str) -> Settings:
    """A data folder that says so."""
    (home / OWNER_FILE).write_text(json.dumps({"project": str(project), "release": version}))
    return Settings(data_dir=home)


def test_claimed_folder_is_this_projects(tmp_path: Path) -> None:
    """What `watermain up` writes, other commands accept; nobody's folder is accepted, too."""
    settings = Settings(data_dir=tmp_path)
    prove_owner(settings)
    claim(settings)
    claim(settings)
    prove_owner(settings)
    held = json.loads((tmp_path / OWNER_FILE).read_text())
    assert held == {"project": str(ROOT), "release": release()}


def test_folder_of_another_project_is_refused(tmp_path: Path) -> None:
    """As long as that project stands; one that was moved takes its folder along."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "pyproject.toml").write_text("[tool.watermain]\n")
    settings = says(tmp_path, other, release())
    for proof in (prove_owner, claim):
        with pytest.raises(InvalidProjectError, match="belongs to the project at") as told:
            proof(settings)
        assert str(other) in told.value.what
    (other / "pyproject.toml").unlink()
    prove_owner(settings)
    claim(settings)
    assert json.loads((tmp_path / OWNER_FILE).read_text())["project"] == str(ROOT)


def test_folder_of_a_later_release_is_refused(tmp_path: Path) -> None:
    """By whatever command, with the release that reads it."""
    settings = says(tmp_path, ROOT, "7.3.1")
    for proof in (prove_owner, claim):
        with pytest.raises(OtherReleaseError, match=r"written by Watermain 7\.3\.1") as told:
            proof(settings)
        assert told.value.next == "pip install 'watermain>=7.3,<7.4'"


def test_folder_of_an_earlier_release_is_taken_over_by_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other commands name it; a patch of the same release is the same."""
    monkeypatch.setattr(owner, "release", lambda: "0.3.0")
    settings = says(tmp_path, ROOT, "0.2.9")
    with pytest.raises(OtherReleaseError, match=r"0\.2\.9; this is 0\.3\.0") as told:
        prove_owner(settings)
    assert told.value.next.endswith("watermain up")
    claim(settings)
    prove_owner(settings)
    prove_owner(says(tmp_path, ROOT, "0.3.7"))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"project": "x", "release": "new"}', "null"])
def test_spoilt_file_is_told(tmp_path: Path, text: str) -> None:
    """Not a traceback."""
    (tmp_path / OWNER_FILE).write_text(text)
    with pytest.raises(InvalidProjectError, match="is not as it was written"):
        prove_owner(Settings(data_dir=tmp_path))
