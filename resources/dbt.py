"""The dbt project, compiled into a manifest that the platform reads."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from platform_assets.declare.errors import BrokenProjectError
from resources.settings import Settings, child_environment, load_settings

PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
STAMP = "WATERMAIN_SOURCES"
_LEFT_OUT = {"target", "logs", "__pycache__"}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def manifest_path(settings: Settings | None = None) -> Path:
    """Where the compiled manifest lies, whether or not it was prepared."""
    return (settings or load_settings()).home / "dbt" / "manifest.json"


def prepare_manifest(settings: Settings | None = None, project: Path = PROJECT) -> Path:
    """Compile the project, unless the manifest already stands for its present content.

    Guarantees: reaches no database, no network; readers see the manifest before or after, never
    half of one; of two processes one compiles, the other waits.
    Raises: BrokenProjectError, with dbt's own message.
    """
    settings = settings or load_settings()
    manifest = manifest_path(settings)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    with _alone(manifest.parent / ".lock") as lock:
        stamp = content_hash(project)
        if stamp_of(manifest) == stamp:
            return manifest
        for left in manifest.parent.glob(".compile-*"):
            shutil.rmtree(left)  # by a process that was killed
        with tempfile.TemporaryDirectory(dir=manifest.parent, prefix=".compile-") as folder:
            _compile(project, Path(folder), stamp, lock)
            made = Path(folder) / "manifest.json"
            with made.open("rb") as file:
                os.fsync(file.fileno())
            made.replace(manifest)
    return manifest


def content_hash(project: Path = PROJECT) -> str:
    """Fingerprint every file of the project, beside the versions that compile it."""
    digest = hashlib.sha256()
    for package in ("dbt-core", "dbt-duckdb"):
        digest.update(f"{package} {version(package)}\0".encode())
    for path in sorted(project.rglob("*")):
        name = path.relative_to(project)
        if path.is_file() and not _LEFT_OUT & set(name.parts) and not name.name.startswith("."):
            digest.update(f"{name}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def load_manifest(path: Path) -> dict[str, Any]:
    """Read a prepared manifest."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def stamp_of(manifest: Path) -> str | None:
    """The fingerprint of the content that a manifest was compiled from."""
    if not manifest.exists():
        return None
    stamp = load_manifest(manifest)["metadata"].get("env", {}).get(STAMP)
    return None if stamp is None else str(stamp)


@contextmanager
def _alone(lock: Path) -> Iterator[int]:
    """Hold a lock that dies with the process; its descriptor may be given to a child."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def command(*words: str, project: Path = PROJECT) -> list[str]:
    """The command line of dbt over a project, silent towards its makers."""
    dbt = [
        sys.executable,
        "-c",
        "from dbt.cli.main import cli; cli()",
        "--no-send-anonymous-usage-stats",
    ]
    dbt += ["--no-version-check", "--no-use-colors"]
    return [*dbt, *words, "--project-dir", str(project), "--profiles-dir", str(project)]


def _compile(project: Path, folder: Path, stamp: str, lock: int) -> None:
    words = ["compile", "--target", "platform", "--no-introspect", "--no-populate-cache"]
    words += ["--no-partial-parse", "--quiet", "--target-path", str(folder)]
    done = subprocess.run(
        command(*words, "--log-path", str(folder / "logs"), project=project),
        env=child_environment(**{f"DBT_ENV_CUSTOM_ENV_{STAMP}": stamp}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=(lock,),  # should this process be killed, dbt holds the lock until it ends
    )
    if done.returncode != 0 or not (folder / "manifest.json").exists():
        raise BrokenProjectError(
            f"dbt cannot compile {project.name}: {_reason(done.stdout + done.stderr)}",
            declared=str(project / "dbt_project.yml"),
            data="the marts stand as compiled before; nothing was read or written",
            next=f"dbt parse --project-dir {project} --profiles-dir {project} --target platform",
        )


def _reason(output: str) -> str:
    """What dbt said, on one line."""
    lines = [_COLOUR.sub("", line).strip() for line in output.splitlines()]
    said = [re.sub(r"^\d\d:\d\d:\d\d\s+", "", line) for line in lines if line]
    return " ".join(said)[:600] or "it said nothing"
