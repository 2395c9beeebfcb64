"""Jobs whose steps succeed, fail, crash or hang on demand.

A step finds its folder for marks in the tag `marks` of its run.
"""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb

from watermain.orchestrate.launch.executor import forked_executor

COUNT = 20
HANG_SECONDS = 3600  # longer than any test, which ends what hangs


def marks(context: dg.AssetExecutionContext) -> Path:
    """The folder of the run's test."""
    return Path(context.run.tags["marks"])


def mark(context: dg.AssetExecutionContext, name: str) -> None:
    """Leave the number of this process for the test to find, whole from the start."""
    draft = marks(context) / f"{name}.{os.getpid()}.draft"
    draft.write_text(str(os.getpid()))
    draft.rename(marks(context) / name)


def numbered(number: int) -> dg.AssetsDefinition:
    """One of the twenty."""

    @dg.asset(name=f"asset_{number:02}")
    def asset() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"pid": os.getpid()})

    return asset


def heavy(number: int) -> dg.AssetsDefinition:
    """One of several that should not run side by side."""

    @dg.asset(name=f"heavy_{number}", op_tags={"heavy": "yes"})
    def asset() -> None:
        time.sleep(0.05)

    return asset


@dg.asset
def calm() -> None:
    """Succeed beside a step that crashes."""


@dg.asset
def other() -> None:
    """Succeed beside a step that crashes, too."""


@dg.asset
def segfaulting() -> None:
    """Read address zero."""
    ctypes.string_at(0)


@dg.asset
def killed() -> None:
    """Die as from the kernel's out-of-memory killer."""
    os.kill(os.getpid(), signal.SIGKILL)


@dg.asset(deps=[segfaulting, killed])
def below() -> None:
    """Wait for what never comes."""


@dg.asset
def raising() -> None:
    """Raise an error of the user's own."""
    raise ValueError("the tariff is missing")


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=2))
def crashing_once(context: dg.AssetExecutionContext) -> None:
    """Die at the first attempt only."""
    if context.retry_number == 0:
        os.kill(os.getpid(), signal.SIGKILL)


@dg.asset
def three() -> int:
    """Give a value to pass on."""
    return 3


@dg.asset
def four(three: int) -> dg.Output[int]:
    """Take the value of another step."""
    return dg.Output(three + 1, metadata={"value": three + 1})


@dg.asset
def talking() -> None:
    """Print on both streams, also from beneath Python."""
    print("said on stdout", flush=True)  # noqa: T201
    os.write(2, b"said on stderr\n")


@dg.resource
def stage(context: dg.InitResourceContext) -> Iterator[None]:
    """Die when the resource is put away, after the step is over."""
    yield None
    os.kill(os.getpid(), signal.SIGKILL)


@dg.asset(required_resource_keys={"stage"})
def staged() -> None:
    """Succeed, then crash while the resource is put away."""


@dg.asset
def hanging(context: dg.AssetExecutionContext) -> None:
    """Say that it runs, sleep until interrupted, say that it was."""
    mark(context, "hanging")
    try:
        time.sleep(HANG_SECONDS)
    finally:
        mark(context, "interrupted")


@dg.asset
def hanging_once(context: dg.AssetExecutionContext) -> None:
    """Hang in the first run only, return in the retry."""
    if "dagster/retry_number" not in context.run.tags:
        mark(context, "hanging")
        time.sleep(HANG_SECONDS)


@dg.asset
def counted() -> dg.MaterializeResult[None]:
    """Count in DuckDB with all its threads."""
    with duckdb.connect() as connection:
        row = connection.execute("select sum(i) from range(3_000_000) t(i)").fetchone()
    return dg.MaterializeResult(metadata={"sum": int((row or [0])[0])})


@dg.asset
def environment() -> dg.MaterializeResult[None]:
    """Tell a setting of this process."""
    return dg.MaterializeResult(metadata={"port": os.environ.get("WATERMAIN_PORT", "unset")})


def forked(name: str, *assets: dg.AssetsDefinition) -> dg.JobDefinition:
    """A job of forked steps."""
    return dg.define_asset_job(name, selection=list(assets), executor_def=forked_executor)  # type: ignore[return-value]


TWENTY = [numbered(number) for number in range(COUNT)]
HEAVY = [heavy(number) for number in range(3)]

defs = dg.Definitions(
    assets=[
        *TWENTY,
        *HEAVY,
        *(calm, other, segfaulting, killed, below, raising, crashing_once, three, four, talking),
        *(staged, hanging, hanging_once, environment, counted),
    ],
    resources={"stage": stage},
    jobs=[
        forked("twenty", *TWENTY),
        forked("heavy", *HEAVY),
        forked("segfault", calm, segfaulting, below, other),
        forked("kill", calm, killed, below, other),
        forked("raise_error", calm, raising, other),
        forked("crash_once", calm, crashing_once),
        forked("pass_on", three, four),
        forked("talk", talking),
        forked("stage", staged),
        forked("hang", calm, hanging),
        forked("hang_once", hanging_once),
        forked("tell", environment),
        forked("single", calm),
        forked("count", counted),
        dg.define_asset_job("count_inside", [counted], executor_def=dg.in_process_executor),
    ],
)
