"""Files that commands write into a project."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from watermain.cli import screen
from watermain.cli.scaffold import FILES, joined, named
from watermain.declare.name import DatasetName
from watermain.settings import project


def join(path: Path, addition: str, name: DatasetName | None = None) -> Path:
    """Put what a template imports and declares into a file."""
    text = addition if name is None else named(addition, name, project().rooms)
    return write(path, joined(path.read_text() if path.exists() else "", text))


def test_path(name: DatasetName) -> Path:
    """Where the test of a dataset lies."""
    return project().root / "tests" / "rooms" / name.team / f"test_{name.stage}_{name.table}.py"


def changed(name: str, text: str) -> list[Path]:
    """A fragment for the changelog where the project keeps some."""
    folder = project().root / "changelog.d"
    plain = name.replace(".", "-").replace("_", "-")
    return [write(folder / f"{plain}.added.md", f"{text}\n")] if folder.is_dir() else []


def finish(written: list[Path]) -> None:
    """Put imports into order, format the files, and say what was written."""
    root = project().root
    python = [str(p) for p in written if p.suffix == ".py"]
    if python and importlib.util.find_spec("ruff"):
        for words in (("check", "--quiet", "--fix", "--select", "I,F401,F811"), ("format", "-q")):
            subprocess.run([sys.executable, "-m", "ruff", *words, *python], cwd=root, check=True)
    for path in dict.fromkeys(written):
        screen.OUT.print(f"  wrote  {path.relative_to(root)}", highlight=False)
    screen.OUT.print("  next   make check", highlight=False)


def template(*place: str) -> str:
    """The text of a real file that is written into projects."""
    return FILES.joinpath(*place).read_text(encoding="utf-8")


def write(path: Path, text: str) -> Path:
    """Write a file, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
