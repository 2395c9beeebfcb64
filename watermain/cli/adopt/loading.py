"""The history of an adopted table, brought into the lake before its live source goes on."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from watermain.cli import screen
from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.errors import UnknownDatasetError
from watermain.declare.name import DatasetName
from watermain.engine.adopt.piece import Piece
from watermain.engine.adopt.registering import Registered, groups, registering
from watermain.engine.capture.ingest import intake
from watermain.engine.publish.publication import Job
from watermain.engine.rooms.connections import anew, connections
from watermain.engine.rooms.directory import find
from watermain.engine.rooms.doors import package
from watermain.engine.rooms.since import since
from watermain.lake.lake import Lake
from watermain.settings import load_settings, project
from watermain.source.opening import open_source
from watermain.source.protocol import Limit

RUN = "adopt"


def declared(name: DatasetName) -> Dataset:
    """The dataset as its room declares it now, this very moment.

    Raises: UnknownDatasetError.
    """
    importlib.invalidate_caches()
    anew(f"{project().resources}.connections")
    connections.cache_clear()
    shelf = anew(f"{package(name.team)}.raw")
    for found in vars(shelf).values():
        if isinstance(found, Dataset) and found.name == name:
            return since([found])[0]
    raise UnknownDatasetError.nothing_happened(
        f"{name} was written, but its room does not declare it",
        declared=f"{package(name.team)}.raw",
        next="watermain check",
    )


def job_of(dataset: Dataset) -> Job:
    """What an adoption needs: the lake, with the connections as they are declared now."""

    def found(name: DatasetName) -> Dataset:
        return dataset if name == dataset.name else find(name)

    return Job(
        lake=Lake.from_settings(),
        find=found,
        run_id=RUN,
        clock=Clock(),
        connections=connections(),
    )


def register(dataset: Dataset, pieces: Sequence[Piece], *, copies: bool) -> Registered:
    """Register what does not wait for a capture, group by group."""
    waiting = groups(piece for piece in pieces if not piece.is_left)
    with (
        registering(dataset, job_of(dataset), copies=copies) as held,
        screen.bar(f"adopting {dataset.name}", len(waiting)) as progress,
    ):
        held.refuse_other_state([piece for piece in pieces if piece.mark])
        for group in waiting:
            held.take(group)
            progress.advance(progress.task_ids[0])
        return held.done


def capture_waiting(dataset: Dataset) -> dict[str, int]:
    """Capture what waits at the source now; give the rows of each batch by its shard."""
    settings, job = load_settings(), job_of(dataset)
    source = open_source(dataset, settings, job.connections)
    captured: dict[str, int] = {}
    limit = Limit(rows=settings.batch_rows, seconds=settings.tick_seconds)
    with intake(dataset, job, source) as held:
        while found := [(row.shard, row.rows) for row in held.take(limit)]:
            for shard, rows in found:
                captured[shard] = captured.get(shard, 0) + rows
            if source.backlog().is_empty:
                break
    return captured
