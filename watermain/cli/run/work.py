"""Datasets materialized in this process, one run after another, with progress."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from watermain.cli.exits import FAILED
from watermain.cli.run.plan import Run
from watermain.cli.screen import ERR, bar, count, step
from watermain.cli.span import refused, span_of
from watermain.engine.publish.publication import Job, Publication
from watermain.engine.publish.publish import publish
from watermain.engine.rooms.directory import find
from watermain.lake.branch import find as find_branch
from watermain.lake.lake import Lake
from watermain.orchestrate.instance.opening import open_instance
from watermain.orchestrate.location import code_location
from watermain.orchestrate.run import Ran, run_here, tell
from watermain.process.instance import BATCHED_EVENTS, dagster_home, storage_url
from watermain.process.worker_record import WorkerRecords
from watermain.settings import Settings, load_settings, set_variables


def perform(plan: Sequence[Run], *, tags: dict[str, str] | None = None) -> list[dict[str, object]]:
    """Do the runs in order, and give the facts of each.

    Raises: typer.Exit, with the failures printed, when a run fails; later runs are not begun.
    """
    settings = load_settings()
    set_variables(BATCHED_EVENTS)
    facts: list[dict[str, object]] = []
    with open_instance(dagster_home(settings), storage_url(settings)) as instance:
        for run in plan:
            title = f"{run.names[0].team} {run.names[0].stage}"
            with step(title, spinner=False) as line, bar(str(run)[:60], len(run.names)) as progress:

                def tell(_: object, event: str) -> None:
                    if event in ("STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"):
                        progress.advance(progress.task_ids[0])

                with recorded(settings) as run_id:
                    ran = run_here(
                        code_location(run.names[0].team),
                        run.names,
                        {**run.tags, **(tags or {})},
                        instance,
                        tell,
                        run_id=run_id,
                    )
                (line.say if ran.ok else line.fail)(f"{run}: {_outcome(ran)}")
            names = [str(n) for n in run.names]
            facts.append(
                {"run": ran.run_id, "datasets": names, "from": run.first, "to": run.last}
                | {"ok": ran.ok, "failures": list(ran.failures)}
                | {"published_partitions": ran.partitions, "published_rows": ran.rows}
            )
            if not ran.ok:
                for reason in dict.fromkeys(ran.failures):
                    ERR.print(reason)
                raise typer.Exit(FAILED)
    return facts


def build_in(branch: str, plan: Sequence[Run]) -> list[dict[str, object]]:
    """Do the runs in a branch of the lake, where Dagster learns nothing of them.

    Raises: BrokenContractError, when a blocking check refuses rows; later runs are not begun then.
    """
    lake = Lake.from_settings()
    job = Job(lake=lake.on(find_branch(lake, branch).name), find=find, run_id=f"branch {branch}")
    facts: list[dict[str, object]] = []
    for run in plan:
        for name in run.names:
            dataset = find(name)
            span = span_of(dataset, run.first, run.last)
            if not dataset.is_computed:
                raise refused(
                    dataset, "a branch captures nothing", f"materialize {name} without it"
                )
            with step(str(name)) as line:
                done = publish(dataset, span, job)
                done.refuse_blocked()
                rows = [o.rows_out for o in done.outcomes if o.published]
                line.say(
                    f"built {count(sum(rows), 'row')} in {count(len(rows), 'part')}"
                    f" in branch {branch}"
                )
            facts.append(
                {"datasets": [str(name)], "branch": branch, "from": run.first, "to": run.last}
                | {"published_partitions": len(rows), "published_rows": sum(rows)}
            )
    return facts


def tell_dagster(publications: Sequence[Publication]) -> None:
    """Report what was published without a run where there is a Dagster instance."""
    settings = load_settings()
    if (dagster_home(settings) / "dagster.yaml").exists():
        with open_instance(dagster_home(settings), storage_url(settings)) as instance:
            for done in publications:
                tell(instance, done)


@contextmanager
def recorded(settings: Settings) -> Iterator[str]:
    """Give a run id whose worker is this process, so that its death is noticed."""
    run_id = str(uuid.uuid4())
    records = WorkerRecords(dagster_home(settings) / "warm")
    records.claim(run_id)
    try:
        yield run_id
    finally:
        records.ended(run_id, os.getpid(), 0)


def _outcome(ran: Ran) -> str:
    if not ran.ok and not ran.partitions:
        return "nothing was published"
    if not ran.partitions:
        return "unchanged, nothing was published"
    return f"published {count(ran.rows, 'row')} in {count(ran.partitions, 'part')}"
