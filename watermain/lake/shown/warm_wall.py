"""The walled engine that answered last, kept for the next question about its snapshot."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import duckdb

from watermain.declare.errors import UnknownDatasetError
from watermain.declare.name import DatasetName
from watermain.lake.lake import Lake
from watermain.lake.shown.shown import Hides, Shown, shown
from watermain.lake.shown.wall import walled
from watermain.settings import load_settings

HidesOf = Callable[[DatasetName], Hides]
IDLE_SECONDS = 60.0  # after which an engine that nobody asked gives its memory back
_TURN = threading.Lock()
_IDLE: dict[int, Warm] = {}  # by process: one that came by fork is never let go; it has no threads


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Tables as of a snapshot, and what says which of their columns are masked.

    Shapes: `newest` is the newest snapshot, since a newer one may have moved files; `partly` has
    the columns that are masked in some rows, as `Shown` has them; `alone` asks for an engine that
    holds nothing else, which nobody uses afterwards.
    """

    snapshot: int
    newest: int
    names: Collection[DatasetName]
    hides: HidesOf
    partly: Mapping[DatasetName, Mapping[str, str]] = field(default_factory=dict)
    alone: bool = False


@dataclass(frozen=True)
class Warm:
    """A walled engine with the tables in it; whoever holds it is alone with it."""

    place: tuple[object, ...]
    tables: Mapping[DatasetName, Shown]
    engine: duckdb.DuckDBPyConnection
    held: ExitStack
    timer: threading.Timer

    def close(self) -> None:
        """End the engine and all that it has on disk."""
        self.timer.cancel()
        self.held.close()


@contextmanager
def answering(
    lake: Lake, trusted: duckdb.DuckDBPyConnection, asked: Asked
) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Shown]]]:
    """Give a walled engine that holds what is asked, and how each table is shown.

    Guarantees: what else it holds was asked for before in this process, as of the same snapshot,
    and this question may see all of it; an engine is used by one question at a time, and only one
    in which no question failed is kept. Copies of rows are never kept, nor is an engine that knows
    a store's secret.
    """
    place, names, alone = _place(lake, asked), asked.names, asked.alone
    warm = None if alone else _taken(place)
    known = dict(warm.tables) if warm is not None else {}
    with ExitStack() as held:
        if warm is not None:
            held.enter_context(warm.held)
        if any(_hidden(each, asked) for each in known.values()):
            warm, known = None, {}
        masks = {name: asked.hides(name) for name in names if name not in known}
        if masks or warm is None:
            found = shown(lake, trusted, asked.snapshot, masks, asked.partly)
            known |= {each.name: each for each in found}
            if not all(each.files for each in known.values()):
                alone, known = True, {name: known[name] for name in names}
            engine = held.enter_context(walled(lake, trusted, list(known.values())))
        else:
            engine = warm.engine
        yield engine, [known[name] for name in names]
        if known and not alone and not lake.folder.startswith("s3://"):
            timer = threading.Timer(IDLE_SECONDS, _expire, [engine])
            _keep(Warm(place, known, engine, held.pop_all(), timer))


def forget() -> None:
    """Close what this process keeps."""
    with _TURN:
        warm = _IDLE.pop(os.getpid(), None)
    if warm is not None:
        warm.close()


def _place(lake: Lake, asked: Asked) -> tuple[object, ...]:
    """What must be the same for an engine to be asked again."""
    settings = load_settings()
    limits = (settings.memory_limit, settings.threads, str(settings.home))
    at = (asked.snapshot, asked.newest)
    return (lake.catalog, lake.folder, lake.branch, *at, *limits)


def _hidden(shown: Shown, asked: Asked) -> bool:
    """Whether this question may not see all of a table that another did."""
    try:
        hides = asked.hides(shown.name)
    except UnknownDatasetError:
        return True
    return bool(asked.partly.get(shown.name)) or any(map(hides, shown.columns))


def _taken(place: tuple[object, ...]) -> Warm | None:
    """The kept engine, no longer kept; one of another place is closed."""
    with _TURN:
        warm = _IDLE.pop(os.getpid(), None)
    if warm is None:
        return None
    warm.timer.cancel()
    if warm.place == place:
        return warm
    warm.close()
    return None


def _keep(warm: Warm) -> None:
    """Keep an engine; of two that were in use at once the later."""
    with _TURN:
        former = _IDLE.pop(os.getpid(), None)
        _IDLE[os.getpid()] = warm
        warm.timer.daemon = True
        warm.timer.start()
    if former is not None:
        former.close()


def _expire(engine: duckdb.DuckDBPyConnection) -> None:
    """Let an engine go that nobody has asked since."""
    with _TURN:
        warm = _IDLE.get(os.getpid())
        if warm is None or warm.engine is not engine:
            return
        del _IDLE[os.getpid()]
    warm.close()


atexit.register(forget)
