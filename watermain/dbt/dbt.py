"""The dbt project, compiled into a manifest that the platform reads."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from watermain import durable
from watermain.dbt.dbt_fault import Fault, said
from watermain.dbt.dbt_profile import read_yaml
from watermain.declare.errors import UnreachableSystemError
from watermain.settings import Settings, child_environment, load_settings, variable
from watermain.settings import project as company

COMPILE_SECONDS = 900.0
MOST_WAITED = timedelta(seconds=2 * COMPILE_SECONDS)  # for whoever compiles before us
MOST_BYTES = 1_000_000  # of a larger file, which is a seed, the time counts instead of the content
RETRY = "dbt parse --project-dir dbt_project --profiles-dir dbt_project --target platform"
_TOPS = (".yml", ".yaml")  # beside them a project may have whatever its repository has
_PACKAGES = "dbt_packages"
_FOLDERS = {
    "model-paths": "models",
    "seed-paths": "seeds",
    "test-paths": "tests",
    "snapshot-paths": "snapshots",
    "macro-paths": "macros",
    "analysis-paths": "analyses",
    "docs-paths": "docs",
    "asset-paths": "assets",
    "function-paths": "functions",
}
_LEFT_OUT = {"target", "logs", "__pycache__"}
_OWN = (
    *("dbt", "dbt_columns", "dbt_compiler", "dbt_fault", "dbt_foreign", "dbt_forms"),
    *("dbt_profile", "dbt_seed", "dbt_variables", "dbt_words"),
)


def _folder(given: Path | None) -> Path:
    return given or company().dbt_folder


def manifest_path(settings: Settings | None = None) -> Path:
    """Where the compiled manifest lies, whether or not it was prepared."""
    return (settings or load_settings()).home / "dbt" / "manifest.json"


def prepare_manifest(settings: Settings | None = None, project: Path | None = None) -> Path:
    """Compile the project, unless the manifest already stands for its present content.

    Guarantees: reaches no database and no network; readers see the manifest before or after,
    never half of one; of two processes one compiles and the other waits; where nothing changed,
    nothing is written. What one data folder has compiled, another takes from the project's
    `target`. What is wrong with the project stands in the manifest beside what is right.
    """
    project, manifest = _folder(project), manifest_path(settings)
    if is_current(manifest, project):
        return manifest
    manifest.parent.mkdir(parents=True, exist_ok=True)
    with _alone(manifest.parent / ".lock") as lock:
        if is_current(manifest, project):
            return manifest
        for left in manifest.parent.glob(".compile-*"):  # by a process that was killed
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        spare = project / "target" / "watermain.json"
        if is_current(spare, project):
            durable.replace(manifest, spare.read_bytes())
            return manifest
        with tempfile.TemporaryDirectory(dir=manifest.parent, prefix=".compile-") as folder:
            made = json.dumps(_compiled(project, Path(folder), manifest, lock)).encode()
        durable.replace(manifest, made)
        with suppress(OSError):  # a project may be there to be read alone
            durable.replace(spare, made, mode=0o644)
    return manifest


def is_current(manifest: Path, project: Path | None = None) -> bool:
    """Whether a manifest stands for the project as it is and for the variables it asks for."""
    project, told = _folder(project), _cached(manifest).get("watermain", {})
    asked = told.get("asked")
    return asked is not None and told["stamp"] == content_hash(project) and asked == _hashed(asked)


def content_hash(project: Path | None = None) -> str:
    """Fingerprint whatever decides what dbt makes of a project, but for the variables it asks for.

    Those are its files, wherever its folders or links lead, the versions that compile it, our own
    part in it, and the variables that are options of dbt.
    """
    project, digest = _folder(project), hashlib.sha256()
    digest.update(json.dumps(company().dbt_vars, sort_keys=True, default=str).encode())
    for package in ("dbt-core", "dbt-duckdb", "dbt-adapters", "dbt-common", "jinja2"):
        digest.update(f"{package} {version(package)}\0".encode())
    for name, value in sorted(child_environment().items()):
        if name.startswith("DBT_"):
            digest.update(f"{name}={value}\0".encode(errors="surrogateescape"))
    own = [Path(__file__).with_name(f"{name}.py") for name in _OWN]
    for path in (*own, *project_files(project)):
        state = path.stat()
        large = state.st_size > MOST_BYTES and path not in own
        content = f"{state.st_mtime_ns}".encode() if large else path.read_bytes()
        name = path.name if path in own else os.path.relpath(path, project)
        digest.update(f"{name}\0{state.st_size}\0".encode(errors="surrogateescape") + content)
    return digest.hexdigest()


def project_files(project: Path | None = None) -> list[Path]:
    """Every file that dbt may read of a project; links are followed, what it writes is left out."""
    folder = _folder(project)
    tops = [p for p in folder.iterdir() if p.suffix in _TOPS and not p.name.startswith(".")]
    tops.append(folder / ".dbtignore")
    found, roots = [p for p in tops if p.is_file()], _roots(folder)
    seen = set() if folder in roots else {os.path.realpath(folder)}  # a link may lead back to it
    for root in roots:
        for place, names, files in os.walk(root, followlinks=True):
            real = os.path.realpath(place)
            if real in seen:
                names.clear()
                continue
            seen.add(real)
            names[:] = [n for n in names if n not in _LEFT_OUT and not n.startswith(".")]
            kept = [n for n in files if not n.startswith(".") or n == ".dbtignore"]
            found += [Path(place) / n for n in kept if (Path(place) / n).is_file()]
    return sorted(set(found))


def _roots(project: Path) -> list[Path]:
    """The folders that a project reads; all of its own where it cannot be asked."""
    said = read_yaml(project / "dbt_project.yml")
    if not said:
        return [project]
    named = [folder for word in _FOLDERS for folder in _named(project, word)]
    named += [_PACKAGES, str(said.get("packages-install-path") or _PACKAGES)]
    folders = {Path(os.path.normpath(project / str(name))) for name in named}
    return sorted(folder for folder in folders if folder.is_dir())


def _named(project: Path, word: str) -> list[str]:
    """The folders that a project names for a kind of files, else those that dbt takes."""
    found = read_yaml(project / "dbt_project.yml").get(word)
    listed = found if isinstance(found, list) else [found] if isinstance(found, str) else []
    return [str(folder) for folder in listed] or [_FOLDERS[word]]


def load_manifest(path: Path) -> dict[str, Any]:
    """Read a prepared manifest."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _cached(path: Path) -> dict[str, Any]:
    """What was prepared before; nothing where it is missing or torn, for it is made anew."""
    try:
        return load_manifest(path)
    except (FileNotFoundError, ValueError):
        return {}


def _hashed(names: Iterable[str]) -> dict[str, str | None]:
    """What variables hold; never as text, for one may be a secret."""
    held = {name: variable(name) for name in names}
    return {
        name: None if value is None else hashlib.sha256(os.fsencode(value)).hexdigest()
        for name, value in held.items()
    }


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """Hold the right to compile; a compiler that outlives its caller holds it until it ends.

    Raises: UnreachableSystemError, when another holds it for longer than it may take.
    """
    try:
        descriptor = durable.lock(path, MOST_WAITED)
    except BlockingIOError as error:
        raise UnreachableSystemError(
            f"another process compiles the dbt project for longer than {MOST_WAITED}",
            declared=str(path),
            data="the manifest stands as it was",
            next="end that process, which holds the lock",
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _compiled(project: Path, folder: Path, before: Path, lock: int) -> dict[str, Any]:
    """What a project compiles to, its fingerprint, and the models as they last were right."""
    stamp = content_hash(project)
    why = _compile(project, folder, lock)
    path = folder / "manifest.json"
    if why or not path.exists():
        fault = Fault(path="dbt_project.yml", what=why or "nothing was compiled", next=RETRY)
        found: dict[str, Any] = {"nodes": {}, "sources": {}, "metadata": {}}
        told: dict[str, Any] = {"faults": [fault.facts()], "asked": None}  # tried again next time
    else:
        found = load_manifest(path)
        told = found["watermain"]
        told["asked"] = _hashed(told["asked"])
    listed = [os.path.relpath(p, project) for p in project_files(project)]
    told |= {"stamp": stamp, "models": _models(project, listed)}
    told["kept"] = _kept(found, _cached(before), set(listed))
    return {**found, "watermain": told}


def _models(project: Path, files: Iterable[str]) -> list[str]:
    """The files that would be models, as far as their places tell."""
    folders = [f"{os.path.normpath(folder)}/" for folder in _named(project, "model-paths")]
    within = (p for p in files if any(p.startswith(f) or f == "./" for f in folders))
    return [p for p in within if p.endswith((".sql", ".py"))]


def _kept(now: Mapping[str, Any], before: Mapping[str, Any], files: set[str]) -> dict[str, Any]:
    """The models that were right before but are not now, as they were, by their file."""
    told = {**before.get("nodes", {}), **before.get("watermain", {}).get("kept", {})}
    found = {}
    for node in told.values():
        fresh = now["nodes"].get(node["unique_id"], {"config": {"meta": {}}})
        lost = not fresh["config"]["meta"].get("watermain")
        if node["original_file_path"] in files and node["resource_type"] == "model" and lost:
            found[node["original_file_path"]] = node
    return found


def command(*words: str, project: Path | None = None) -> list[str]:
    """The command line of dbt over a project, silent towards its makers."""
    project = _folder(project)
    dbt = [
        sys.executable,
        "-c",
        "from dbt.cli.main import cli; cli()",
        "--no-send-anonymous-usage-stats",
    ]
    dbt += ["--no-version-check", "--no-use-colors"]
    return [*dbt, *words, "--project-dir", str(project), "--profiles-dir", str(project)]


def _compile(project: Path, folder: Path, lock: int) -> str:
    """Run the compiler; say why it ended without a result, if it did."""
    words = [sys.executable, "-m", "watermain.dbt.dbt_compiler", str(project), str(folder)]
    words.append(json.dumps(dict(company().dbt_vars), default=str))
    try:
        done = subprocess.run(
            words,
            cwd=project,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            pass_fds=(lock,),  # should this process be killed, dbt holds the lock until it ends
            timeout=COMPILE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"dbt does not end within {COMPILE_SECONDS:.0f} seconds"
    return said(done.stdout + done.stderr) or "dbt ended" if done.returncode else ""
