"""The repository's files as an earlier commit has them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from watermain.declare.errors import UnknownRevisionError
from watermain.settings import project


def files_where_it_began(
    ref: str, folder: str, root: Path | None = None
) -> tuple[str, dict[str, str]]:
    """Read the text files below a folder in the commit where the present work left `ref`.

    Shapes: that commit's hash, and texts by their path below `root`.
    Guarantees: what was released on `ref` since then is not read, so that work which lags behind
    is not blamed for it.
    Raises: UnknownRevisionError, without git, without the commit or without a common ancestor.
    """
    root = root or project().root
    commit = _git(
        root, ref, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
    )
    base = _git(root, ref, "merge-base", commit.strip(), "HEAD").strip()
    listed = _git(root, ref, "ls-tree", "-r", "-z", "--name-only", base, "--", f"{folder}/")
    names = [name for name in listed.split("\0") if name]
    return base, {name: _git(root, ref, "show", f"{base}:./{name}") for name in names}


def _git(root: Path, ref: str, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        raise _unread(root, ref, "there is no git here", "install git") from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.strip().splitlines()
    if words[0] == "merge-base" and not said:
        raise _unread(root, ref, "it has no commit in common with HEAD", "git fetch --unshallow")
    next_step = f"name a branch, a tag or a commit; git fetch origin {ref.removeprefix('origin/')}"
    raise _unread(root, ref, said[0] if said else "git knows no such commit", next_step)


def _unread(root: Path, ref: str, why: str, next_step: str) -> UnknownRevisionError:
    return UnknownRevisionError(
        f"`{ref}` cannot be compared with: {why}",
        declared=str(root / ".git"),
        data="nothing was compared or written",
        next=next_step,
    )
