"""The rule that importing a module does nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.house.tree import ROOT, SOURCE, module_name, modules

PROGRAM = Path(__file__).with_name("quiet_import.py")


def importing_does_nothing(files: Mapping[str, str]) -> list[str]:
    """Importing a module reads code; it opens, writes, connects, starts nothing."""
    found = modules(files, SOURCE)
    if all((ROOT / name).is_file() and (ROOT / name).read_text() == files[name] for name in found):
        return _heard(ROOT, found)  # where they are compiled
    with TemporaryDirectory(prefix="quiet-import-") as folder:
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return _heard(Path(folder), found)


def _heard(folder: Path, names: Iterable[str]) -> list[str]:
    listened = subprocess.run(
        [sys.executable, "-B", "-P", PROGRAM, *map(module_name, names)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    failed = listened.stderr.strip().splitlines()[-1:] if listened.returncode else []
    return [*listened.stdout.splitlines(), *failed]
