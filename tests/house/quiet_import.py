"""A program that imports modules while it listens to what they do to the world.

Arguments: the modules, found under the working directory. What other packages do when they are
imported is no concern of the house, so those are imported before the listening begins.
Prints one line per effect.
"""

from __future__ import annotations

import ast
import gc
import importlib
import os
import sys
import traceback
import zoneinfo
from pathlib import Path

LOUD = (
    "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "sqlite3.connect",
    "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn",
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.chown", "os.chdir", "os.putenv", "os.unsetenv", "os.kill",
    "shutil.copyfile", "shutil.move", "shutil.rmtree", "tempfile.mkstemp", "tempfile.mkdtemp",
)  # fmt: skip
CODE = (".py", ".pyc", ".so")
# What comes with Python or the system: packages, their data, the time zones.
INSTALLED = tuple(
    os.path.join(folder, "")
    for place in (sys.prefix, sys.base_prefix, *zoneinfo.TZPATH)
    for folder in {place, os.path.realpath(place)}
)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def is_effect(event: str, arguments: tuple[object, ...]) -> bool:
    """Decide whether an audit event is more than reading code."""
    if event != "open":
        return event in LOUD
    path, _, flags = arguments
    if not isinstance(path, str | bytes):
        return False
    name = os.path.realpath(os.fsdecode(path))
    is_code = name.endswith(CODE) or name.startswith(INSTALLED)
    return bool(isinstance(flags, int) and flags & WRITES) or not is_code


def file_of(module: str) -> Path:
    """Find the file of a module of ours, without importing anything."""
    path = Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def others_of(module: str) -> set[str]:
    """List the packages of others that a module imports when it is imported."""
    body = ast.parse(file_of(module).read_text()).body
    named = {alias.name for n in body if isinstance(n, ast.Import) for alias in n.names}
    named |= {n.module for n in body if isinstance(n, ast.ImportFrom) and n.module}
    return {name for name in named if not file_of(name.partition(".")[0]).exists()}


def place() -> str:
    """Name the innermost line of ours on the stack."""
    ours = [
        frame
        for frame in traceback.extract_stack()[:-2]
        if frame.filename.startswith(os.getcwd()) and not frame.filename.startswith(INSTALLED)
    ]
    return f"{os.path.relpath(ours[-1].filename)}:{ours[-1].lineno}" if ours else "no line of ours"


def main(modules: list[str]) -> None:
    """Import what belongs to others, then listen to ours."""
    gc.disable()  # nothing that is imported is garbage
    sys.path[:] = [os.getcwd(), *(path for path in sys.path if path.startswith(INSTALLED))]
    for name in sorted(set().union(*map(others_of, modules))):
        importlib.import_module(name)
    heard: list[str] = []
    current = ""

    def listen(event: str, arguments: tuple[object, ...]) -> None:
        if current and is_effect(event, arguments):
            heard.append(f"{place()} does {event} {arguments[:1]} when {current} is imported")

    sys.addaudithook(listen)
    for current in modules:
        importlib.import_module(current)
    current = ""
    sys.stdout.write("".join(f"{line}\n" for line in dict.fromkeys(heard)))


if __name__ == "__main__":
    main(sys.argv[1:])
