"""Files of an earlier commit, read from a real repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from watermain.declare.errors import UnknownRevisionError
from watermain.revision import files_where_it_began

ME = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")


def git(root: Path, *words: str) -> str:
    """Run git in a repository."""
    done = subprocess.run(["git", "-C", str(root), *ME, *words], capture_output=True, check=True)
    return done.stdout.decode().strip()


def commit(root: Path, **files: str) -> str:
    """Write files below `held/`, commit them; give the commit."""
    for name, text in files.items():
        path = root / "held" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "files")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository; `main` went on after `work` began, `work` changed a file."""
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, a="first", b="naïve")
    git(tmp_path, "checkout", "-q", "-b", "work")
    commit(tmp_path, a="second")
    git(tmp_path, "checkout", "-q", "main")
    commit(tmp_path, a="third", c="later")
    git(tmp_path, "checkout", "-q", "work")
    return tmp_path


def test_files_are_those_of_where_the_work_began(root: Path) -> None:
    """Neither what the work changed nor what came to the other branch since."""
    base, found = files_where_it_began("main", "held", root)
    assert base == git(root, "rev-parse", "main~1")
    assert found == {"held/a.yaml": "first", "held/b.yaml": "naïve"}
    assert files_where_it_began("main", "none", root)[1] == {}


def test_files_are_found_in_a_repository_within_another(root: Path) -> None:
    """Paths are told from the folder that asks."""
    inner = root / "held"
    commit(inner, deep="down")
    assert files_where_it_began("HEAD", "held", inner)[1] == {"held/deep.yaml": "down"}


@pytest.mark.parametrize("ref", ["nowhere", "--all", "HEAD:held"])
def test_unknown_commit_is_told(root: Path, ref: str) -> None:
    """Nothing that looks like an option reaches git as one."""
    with pytest.raises(UnknownRevisionError, match="git knows no such commit"):
        files_where_it_began(ref, "held", root)


def test_work_without_a_common_commit_is_told(root: Path) -> None:
    """A shallow copy of the history knows of none."""
    git(root, "checkout", "-q", "--orphan", "alone")
    commit(root, a="other")
    with pytest.raises(UnknownRevisionError, match="no commit in common") as refused:
        files_where_it_began("main", "held", root)
    assert refused.value.next == "git fetch --unshallow"


def test_folder_without_a_repository_is_told(tmp_path: Path) -> None:
    """An unpacked archive has no history."""
    with pytest.raises(UnknownRevisionError, match="cannot be compared with"):
        files_where_it_began("main", "held", tmp_path)


def test_machine_without_git_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next step says so."""
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(UnknownRevisionError, match="there is no git here"):
        files_where_it_began("main", "held", root)
