"""The fast tests on every Python that is found, each with the locked requirements."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nox

MINORS = range(11, 15)
FAST = "not slow and not services and not campaign"
# Where pyenv and uv keep what they install.
KEPT = (Path("~/.pyenv/versions"), Path("~/.local/share/uv/python"))


def found() -> dict[str, str]:
    """The path of one interpreter for each version, on the PATH or where they are kept."""
    programs = {}
    for name in (f"python3.{minor}" for minor in MINORS):
        kept = (path for folder in KEPT for path in folder.expanduser().glob(f"*/bin/{name}"))
        candidates = filter(None, (shutil.which(name), *map(str, sorted(kept))))
        for program in list(filter(answers, candidates))[:1]:
            programs[name.removeprefix("python")] = program
    return programs


def answers(program: str) -> bool:
    """Whether an interpreter runs; a shim may stand for one that does not."""
    return subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0


def fast(session: nox.Session) -> None:
    """Run the fast tests; what is said on the command line goes to pytest."""
    builders = Path(session.create_tmp(), "builders.txt")
    lock = Path("requirements.lock").read_text()
    pins = [part for part in lock.split("\n") if part]
    builders.write_text(_of("setuptools", pins))
    session.install("--require-hashes", "--no-deps", "-r", str(builders))
    session.install(
        *("--require-hashes", "--no-deps", "--no-build-isolation", "-r", "requirements.lock")
    )
    session.install("--no-deps", "--no-build-isolation", "-C", "editable_mode=compat", "-e", ".")
    places = [
        "tests/watermain",
        "tests/rooms",
        "tests/house",
        *map(str, Path("tests").glob("test_*.py")),
    ]
    session.run(
        *("python", "-m", "pytest", "-q", "-n", os.environ.get("WORKERS", "2"), "-m", FAST),
        *(session.posargs or places),
    )


def _of(name: str, lines: list[str]) -> str:
    """The lines of a lock file that pin one distribution."""
    at = next(n for n, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = next((n for n in range(at + 1, len(lines)) if lines[n][0] != " "), len(lines))
    return "\n".join(lines[at:end])


for version, program in found().items():
    nox.session(fast, python=program, name=version, venv_backend="venv")
