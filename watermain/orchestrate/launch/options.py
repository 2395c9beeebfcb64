"""What a warm process is told when it is started."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from watermain.machine.system import IS_LINUX

FOLLOWED = ("DAGSTER_HOME", "WATERMAIN_*")


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """The state folder of a server, what it imports, and what it watches.

    Shapes: `preload` holds modules, by default those of workspace.yaml; `watch` holds further
    folders whose loaded modules are watched, or single files; `serve_rooms` has it keep the code
    servers of workspace.yaml too; without `forks` it starts a Python for each run, which is
    slow; `environment` holds names or patterns of the variables that follow the process that
    launches a run.
    """

    folder: Path
    preload: Sequence[str] = ()
    watch: Sequence[Path] = ()
    environment: Sequence[str] = FOLLOWED
    serve_rooms: bool = False
    forks: bool = IS_LINUX

    @classmethod
    def parsed(cls, words: Sequence[str]) -> tuple[ServerOptions, argparse.Namespace]:
        """Read a command line; the rest are open files kept over a re-execution."""
        parser = argparse.ArgumentParser(prog="watermain.orchestrate.launch.server")
        parser.add_argument("--folder", type=Path, required=True)
        parser.add_argument("--preload", nargs="*", default=())
        parser.add_argument("--watch", nargs="*", default=(), type=Path)
        parser.add_argument("--environment", nargs="*", default=FOLLOWED)
        parser.add_argument("--serve-rooms", action="store_true", help="keep code servers, too")
        parser.add_argument("--spawn", action="store_true", help="start Pythons, fork none")
        parser.add_argument("--detach", action="store_true", help="serve in the background")
        parser.add_argument("--trial", action="store_true", help="tell whether all loads, then end")
        for kept in ("--lock-file", "--listener", "--kept"):
            parser.add_argument(kept, type=int)
        given = parser.parse_args(words)
        options = cls(
            folder=given.folder,
            preload=given.preload,
            watch=given.watch,
            environment=given.environment,
            serve_rooms=given.serve_rooms,
            forks=IS_LINUX and not given.spawn,
        )
        return options, given

    def words(self) -> list[str]:
        """Write the command line that `parsed` reads."""
        return [
            f"--folder={self.folder}",
            *("--preload", *self.preload),
            *("--watch", *map(str, self.watch)),
            *("--environment", *self.environment),
            *(["--serve-rooms"] if self.serve_rooms else []),
            *([] if self.forks else ["--spawn"]),
        ]

    def followed(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Pick the variables that follow the launching process."""
        return {
            name: value
            for name, value in variables.items()
            if any(fnmatchcase(name, pattern) for pattern in self.environment)
        }
