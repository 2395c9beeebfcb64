"""What a warm process has loaded, compared with what lies on disk now."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

SOURCES = (".py", ".sql", ".yaml", ".yml")
Print = tuple[object, ...]
_FILES: dict[Path, None] = {}  # of all modules that were looked at
_NEWEST: list[tuple[str, object]] = []  # the last of these modules, kept with its name


@dataclass(frozen=True)
class LoadedSources:
    """The files behind the modules of this process, as they were when it loaded them.

    Shapes: files by size, time and inode; folders of modules and of dbt's models by the names in
    them, so that a new one counts; `site-packages` by its time, so that an installed package
    counts.
    """

    prints: Mapping[Path, Print]

    @classmethod
    def taken(
        cls,
        roots: Iterable[Path],
        *,
        since_ns: int,
        leave_out: Callable[[Path], bool] = lambda path: False,
    ) -> LoadedSources:
        """Remember the loaded modules under `roots` or a root that is a file itself.

        A file that was written after `since_ns`, when loading began, may have been read before:
        it is remembered as unknown and hence as changed.
        """
        found: set[Path] = set()
        for root in roots:
            inside = (path for path in module_files() if path.is_relative_to(root))
            found.update(inside if root.is_dir() else [root])
        found |= {path.parent for path in found if path.suffix in (".py", ".sql")}
        found |= {path.parents[1] for path in found if path.suffix == ".sql"}  # of a new team
        found |= {Path(entry) for entry in sys.path if entry.endswith("site-packages")}
        now = time.time_ns()
        return cls(
            {
                path: () if path.is_file() and since_ns <= _changed_ns(path) <= now else look
                for path in found
                if not leave_out(path)
                for look in [fingerprint(path)]
            }
        )

    def changed(self) -> list[Path]:
        """List what is not on disk as it was loaded."""
        return [path for path, look in self.prints.items() if fingerprint(path) != look]


def fingerprint(path: Path) -> Print:
    """Give what changes when the content of a file or the members of a folder change."""
    try:
        state = path.stat()
        if not path.is_dir():
            return (state.st_size, state.st_mtime_ns, state.st_ino)
        if path.name == "site-packages":
            return (state.st_mtime_ns,)
        with os.scandir(path) as entries:
            return tuple(sorted(entry.name for entry in entries if _could_be_module(entry)))
    except (FileNotFoundError, NotADirectoryError):
        return ("absent",)


def _could_be_module(entry: os.DirEntry[str]) -> bool:
    is_shown = not entry.name.startswith(("_", "."))
    return entry.name.endswith(SOURCES) or (is_shown and entry.is_dir())


def module_files() -> Iterable[Path]:
    """List the source files of loaded modules, installed packages left out.

    Guarantees: a module is looked at once, also over a fork, unless it was loaded again. To look at
    one writes its count of references, which takes a page of its own from what two processes share.
    """
    fresh = []
    for name in reversed(sys.modules):
        if _NEWEST and name == _NEWEST[0][0] and sys.modules[name] is _NEWEST[0][1]:
            break
        fresh.append(name)
    for name in reversed(fresh):
        module = sys.modules[name]
        _NEWEST[:] = [(name, module)]
        file = getattr(module, "__file__", None)
        if file and "site-packages" not in (path := Path(file)).parts:
            _FILES[path] = None
    return _FILES


def _changed_ns(path: Path) -> int:
    return path.stat().st_mtime_ns
