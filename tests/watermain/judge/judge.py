"""The program that tells how stock dbt differs from us over one project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT
from tests.watermain.judge import ours, stock
from tests.watermain.judge.side import differences
from watermain.lake.lake import Lake
from watermain.settings import project


def judged(project: Path, folder: Path) -> dict[str, str]:
    """What differs, each with what we said of it; the process reaches the lake of its settings.

    The judge works in a process of its own, since a process works for one company.
    """
    root = ours.company(folder, project)
    words = [sys.executable, "-m", "tests.watermain.judge.judge", str(folder)]
    environment = {**os.environ, "WATERMAIN_PROJECT": str(root), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, str] = json.loads((folder / "judged.json").read_text())
    return found


def main(folder: Path) -> None:
    """Build and publish the company's project, and write down what differs."""
    place = folder / "stock"
    place.mkdir()
    theirs = stock.build(project().dbt_folder, place)
    published = ours.Published(Lake.from_settings())
    found = {line: published.said(key) for key, line in differences(theirs, published.side())}
    (folder / "judged.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
