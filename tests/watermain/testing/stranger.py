"""Pytest run as a stranger runs it: in a folder of its own, with the plugin as it is declared."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from tests.house.tree import ROOT
from watermain.settings import child_environment


def run_pytest(
    folder: Path, *, files: dict[str, str], **variables: str
) -> subprocess.CompletedProcess:
    """Run pytest over some files, with nothing of this repository's own configuration."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    made = folder / "installed" / "watermain_as_declared-0.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: watermain-as-declared\nVersion: 0\n"
    )
    lines = [f"{name} = {module}\n" for name, module in declared["pytest11"].items()]
    (made / "entry_points.txt").write_text("[pytest11]\n" + "".join(lines))
    for name, text in files.items():
        (folder / name).write_text(text)
    alone = ("--strict-markers", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *alone, str(folder), *files],
        cwd=folder,
        env=child_environment(PYTHONPATH=f"{made.parent}:{ROOT}", PYTEST_ADDOPTS="", **variables),
        capture_output=True,
        text=True,
        check=False,
    )
