"""A company of its own, whose commands are run as people run them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from watermain.lake.lake import Lake


@dataclass(frozen=True, kw_only=True)
class Company:
    """A project as `watermain init` writes it, over the lake of a test."""

    root: Path
    lake: Lake

    def run(self, *words: str, code: int = 0, failpoint: str = "", **more: str) -> str:
        """Run a command there; it ends with that code. Give what it printed."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        environment |= {k: str(v) for k, v in more.items()}
        if failpoint:
            environment["WATERMAIN_FAILPOINT"] = failpoint
        done = subprocess.run(
            [sys.executable, "-m", "watermain", *words],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def written(self, place: str) -> str:
        """A file of the project."""
        return (self.root / place).read_text()
