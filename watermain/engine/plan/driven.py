"""Which datasets a planner drives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from watermain.declare.dataset import Dataset
from watermain.declare.errors import TerminalError
from watermain.declare.name import DatasetName
from watermain.engine.plan.graph import Graph
from watermain.engine.plan.guard import Guard
from watermain.engine.plan.planner import Planner
from watermain.engine.plan.rhythm import is_streamed
from watermain.engine.plan.survey import Pause
from watermain.settings import Settings


def planner_of(datasets: Mapping[DatasetName, Dataset], team: str) -> Planner:
    """The planner of a team."""
    return Planner.of(datasets, team, is_left)


def planner_of_all(datasets: Mapping[DatasetName, Dataset]) -> Planner:
    """The planner of every team, for who only looks."""
    return Planner(Graph(datasets, is_left), lambda _: True)


def follower_of(chosen: Sequence[Dataset], find: Callable[[DatasetName], Dataset]) -> Planner:
    """The planner of a stream: of these datasets, whatever else drives others.

    It tells once what is coming, until something changes.
    """
    known = {n: find(n) for d in chosen for n in d.upstream} | {d.name: d for d in chosen}
    names = {d.name for d in chosen}
    return Planner(Graph(known, lambda d: d.name not in names), lambda _: True, heard=True)


def unknown_inputs(
    chosen: Sequence[Dataset], find: Callable[[DatasetName], Dataset]
) -> dict[DatasetName, TerminalError]:
    """Which of these, each behind what it reads, read what nobody knows, and why it is unknown.

    What reads one of them is among them, too.
    """
    found: dict[DatasetName, TerminalError] = {}
    own = {d.name for d in chosen}
    for dataset in chosen:
        for name in dataset.upstream:
            try:
                if name not in own:
                    find(name)
                elif name in found:
                    raise found[name]
            except TerminalError as error:
                found.setdefault(dataset.name, error)
    return found


def is_left(dataset: Dataset) -> bool:
    """Whether something else drives a dataset: a stream, always, or a schedule of its own."""
    return dataset.schedule is not None or is_streamed(dataset)


def guard(settings: Settings) -> Guard:
    """The largest request that is made without being asked for."""
    return Guard(
        partitions=settings.guard_partitions,
        rows=settings.guard_rows,
        seconds=settings.guard_seconds,
    )


def pause(settings: Settings) -> Pause:
    """How long partitions rest; those that are over no longer than a minute."""
    running = timedelta(seconds=settings.rest_seconds)
    return Pause(running=running, over=min(running, timedelta(minutes=1)))
