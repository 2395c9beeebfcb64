"""The project that a data folder belongs to, in which release of the platform."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from watermain import durable
from watermain.declare.errors import InvalidProjectError, OtherReleaseError
from watermain.project import FILE, find
from watermain.settings import PREFIX, Settings, project

OWNER_FILE = "owner.json"  # in the data folder


@dataclass(frozen=True, kw_only=True)
class Owner:
    """What a data folder says of who writes it."""

    project: str
    release: str


@cache
def release() -> str:
    """The release of the platform that runs."""
    return version("watermain")


def claim(settings: Settings) -> None:
    """Write down whose the data folder is; a folder of an earlier release is taken over.

    Raises: as `prove_owner`.
    """
    _prove(settings, may_upgrade=True)
    text = json.dumps(asdict(Owner(project=str(project().root), release=release())), indent=2)
    path = settings.home / OWNER_FILE
    if not path.exists() or path.read_text() != text + "\n":
        durable.replace(path, text + "\n")


def prove_owner(settings: Settings) -> None:
    """Prove that the data folder is this project's, in this release.

    Guarantees: one that nobody claimed is everybody's, and so is one whose project is gone.
    Raises: InvalidProjectError or OtherReleaseError.
    """
    _prove(settings, may_upgrade=False)


def _prove(settings: Settings, *, may_upgrade: bool) -> None:
    path = settings.home / OWNER_FILE
    held = _read(path) if path.exists() else None
    if held is None:
        return
    if _minor(held.release) != _minor(release()):
        _prove_release(path, held, may_upgrade=may_upgrade)
    here = str(project().root)
    if held.project != here and _stands(held.project):
        raise InvalidProjectError.nothing_happened(
            f"the data folder {settings.home} belongs to the project at {held.project},"
            f" not to the one at {here}",
            declared=f"{PREFIX}DATA_DIR; {path}",
            next=f"unset {PREFIX}DATA_DIR, so that each project keeps its own",
        )


def _prove_release(path: Path, held: Owner, *, may_upgrade: bool) -> None:
    is_later = _minor(held.release) > _minor(release())
    if may_upgrade and not is_later:
        return
    low = _minor(held.release)
    wanted = f"pip install 'watermain>={low[0]}.{low[1]},<{low[0]}.{low[1] + 1}'"
    raise OtherReleaseError.nothing_happened(
        f"the data folder was written by Watermain {held.release}; this is {release()}",
        declared=str(path),
        next=wanted if is_later else "read the upgrade notes in CHANGELOG.md, then: watermain up",
    )


def _minor(text: str) -> tuple[int, int]:
    major, minor, *_ = text.split(".")
    return int(major), int(minor)


def _stands(root: str) -> bool:
    try:
        return str(find(Path(root)).root) == root
    except InvalidProjectError:
        return (Path(root) / FILE).exists()


def _read(path: Path) -> Owner:
    try:
        found = json.loads(path.read_text())
        owner = Owner(project=str(found["project"]), release=str(found["release"]))
        _minor(owner.release)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidProjectError.nothing_happened(
            f"{OWNER_FILE} in the data folder is not as it was written",
            declared=str(path),
            next=f"rm {path}; then: watermain up",
        ) from error
    return owner
