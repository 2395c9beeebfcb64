"""The code that all rooms share, proved to load before it takes the place of what serves."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from watermain.machine.system import Ended, started
from watermain.orchestrate.launch.freshness import LoadedSources, Print, fingerprint
from watermain.orchestrate.launch.options import ServerOptions

TRIED = 100  # what a trial ends with that comes to its end, beside the number of its failures
Looks = tuple[tuple[Path, Print], ...]
Start = Callable[..., int]


class SharedCode:
    """What the warm process has imported itself, with what is compiled for all rooms.

    Shapes: without rooms to serve, that is everything which runs are made from.
    """

    def __init__(self, options: ServerOptions) -> None:
        from watermain.orchestrate.launch.preload import preload, shared, watched
        from watermain.orchestrate.launch.rooms.own_sources import shared_roots

        began_ns = time.time_ns()
        self._options, self._serves = options, options.serve_rooms
        self.failures = shared() if self._serves else preload(options.preload)
        roots = shared_roots() if self._serves else watched(unread=bool(self.failures))
        self._sources = LoadedSources.taken((*roots, *options.watch), since_ns=began_ns)
        self._tried: Looks = ()
        self._trial = self._compiler = 0
        self._models = self._look_at_models()
        self.is_proved = False

    def changed(self) -> list[Path]:
        """List what is not on disk as it was loaded."""
        return self._sources.changed()

    def look(self, start: Start) -> Callable[[], int] | None:
        """Try changed code in a process of its own; have changed models compiled.

        Gives, in a fork, what that one is to do.
        """
        found = tuple((path, fingerprint(path)) for path in self._sources.changed())
        if found and found != self._tried and not self._trial:
            self._tried = found
            words = ("-m", "watermain.orchestrate.launch.server", "--trial", *self._options.words())
            self._trial = started(words, _environment())
        models = self._look_at_models()
        if models != self._models and not self._compiler:
            self._models = models
            self._compiler = start("compile")
            if self._compiler == 0:
                return compile_models
        return None

    def ended(self, ended: Ended) -> None:
        """Learn of a child's end: what a trial has loaded may be executed."""
        if ended.pid == self._compiler:
            self._compiler = 0
        if ended.pid != self._trial:
            return
        self._trial = 0
        self.is_proved = 0 <= ended.code - TRIED <= len(self.failures)
        if not self.is_proved:
            told = ", ".join(str(path) for path, _ in self._tried)
            print(f"what changed does not load, what was loaded serves on: {told}", file=sys.stderr)  # noqa: T201

    def _look_at_models(self) -> Looks:
        from watermain.dbt.dbt import project_files
        from watermain.settings import project

        if not self._serves or not project().dbt_folder.exists():
            return ()
        return tuple((path, fingerprint(path)) for path in project_files())


def _environment() -> dict[str, str]:
    from watermain.settings import child_environment

    return child_environment()


def compile_models() -> int:
    """Compile the dbt project; the rooms see the manifest change."""
    from watermain.dbt.dbt import prepare_manifest

    prepare_manifest()
    return 0
