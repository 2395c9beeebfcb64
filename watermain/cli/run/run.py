"""`watermain run`: one dataset, computed by the running platform."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from watermain.cli import screen
from watermain.cli.exits import FAILED
from watermain.cli.named import named
from watermain.cli.run.plan import Run
from watermain.cli.span import span_of
from watermain.declare.dataset import Dataset
from watermain.declare.errors import UnreachableSystemError
from watermain.lake import ledger
from watermain.lake.lake import Lake, text
from watermain.orchestrate.tags import REBUILD
from watermain.process.platform import Services
from watermain.process.web import TERMINAL, Web
from watermain.settings import load_settings

POLL_SECONDS = 0.5
STOPPED = 130  # as a shell tells of Ctrl-C
STATES = {
    "QUEUED": "waits for its turn",
    "NOT_STARTED": "waits for its turn",
    "STARTING": "starts",
    "STARTED": "runs",
    "CANCELING": "is being stopped",
}


def run(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    *,
    partition: Annotated[str | None, typer.Option(help="One partition.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First of a range.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last of a range.")] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Replace partitions even where nothing changed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Have the running platform compute a dataset, and tell how it goes.

    Ctrl-C stops the telling, not the run. Ends with 1 when the run fails.
    """
    if partition and (first or last):
        raise typer.BadParameter("--partition stands alone; a range is --from with --to")
    if bool(first) != bool(last):
        raise typer.BadParameter("a range needs both --from and --to")

    found = named(dataset)
    span = span_of(found, first or partition, last or partition)
    asked = Run(names=(found.name,))
    if span is not None:
        asked = Run(names=(found.name,), first=span.first, last=span.last)
    web = Web(Services(load_settings()).url)
    if not web.answers():
        raise _down(web, asked)
    run_id = web.launch(asked.names, asked.tags | ({REBUILD: "true"} if rebuild else {}))
    status = _followed(web, run_id, str(asked))
    _end(found, asked, web, run_id, status, as_json=as_json)


def _followed(web: Web, run_id: str, title: str) -> str:
    """Wait for the end of a run, and tell what it does meanwhile; how it ended."""
    screen.ERR.print(f"run {run_id[:8]} of {title}", markup=False)
    told = ""
    try:
        with screen.ERR.status("launched") as spinner:
            while True:
                status, _ = web.progress(run_id)
                if status in TERMINAL:
                    return status
                word = STATES.get(status, status.lower())
                spinner.update(word)
                if word != told and not screen.ERR.is_terminal:
                    screen.ERR.print(f"  {word}")
                told = word
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        screen.ERR.print(f"the run goes on; follow it: watermain logs {run_id[:8]}")
        raise typer.Exit(STOPPED) from None


def _end(
    dataset: Dataset, asked: Run, web: Web, run_id: str, status: str, *, as_json: bool
) -> None:
    """Tell how it ended.

    Raises: typer.Exit, unless it ended well.
    """
    reasons = list(dict.fromkeys(web.failures(run_id))) if status != "SUCCESS" else []
    partitions, rows = _published(dataset, run_id)
    word = {"SUCCESS": "ok", "CANCELED": "stopped"}.get(status, "failed")
    if as_json:
        facts: dict[str, Any] = {"run": run_id, "dataset": str(dataset.name), "status": word}
        facts |= {"from": asked.first, "to": asked.last, "failures": reasons}
        screen.facts(facts | {"published_partitions": partitions, "published_rows": rows})
    else:
        parts = f" in {screen.count(partitions, 'partition')}" if dataset.cadence else ""
        done = f"published {screen.count(rows, 'row')}{parts}"
        done = done if partitions else "nothing new was published"
        screen.ERR.print(f"  {word:<8}{done}", style="green" if word == "ok" else "red")
    for reason in reasons[:1]:
        screen.ERR.print(reason, markup=False)
    if status != "SUCCESS":
        screen.ERR.print(f"look   watermain logs {run_id[:8]}", style="dim")
        raise typer.Exit(FAILED)


def _published(dataset: Dataset, run_id: str) -> tuple[int, int]:
    """The partitions that a run published of a dataset, and their rows."""
    with Lake.from_settings().get_connection() as connection:
        row = connection.execute(
            "select count(distinct partition), coalesce(sum(rows_out), 0)::bigint"
            f" from {ledger.PUBLISHES} where run_id = {text(run_id)}"
            f" and dataset = {text(str(dataset.name))}"
        ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _down(web: Web, asked: Run) -> UnreachableSystemError:
    span = f" --from {asked.first} --to {asked.last}" if asked.first else ""
    span = f" --partition {asked.first}" if asked.first and asked.first == asked.last else span
    return UnreachableSystemError(
        f"the platform does not run: nothing answers at {web.url}",
        declared="WATERMAIN_PORT",
        data="unchanged; no run was launched",
        next=f"watermain up; or in this process: watermain materialize {asked.names[0]}{span}",
    )
