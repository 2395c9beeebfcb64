"""One step in a process of its own, forked from the run worker."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from dagster import DagsterEvent, MetadataValue
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.api import create_execution_plan, execute_plan_iterator
from dagster._core.execution.context.system import IStepContext
from dagster._core.execution.context_creation_job import create_context_free_log_manager
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._serdes import deserialize_value, serialize_value
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster._utils.interrupts import capture_interrupts
from dagster_shared.error import SerializableErrorInfo

from watermain.trace.identity import run_point
from watermain.trace.outlet import settle
from watermain.trace.tracing import operation

FORK = multiprocessing.get_context("fork")
PR_SET_PDEATHSIG = 1
DONE = b"done"

Message = DagsterEvent | SerializableErrorInfo


@dataclass(frozen=True)
class StepOrder:
    """What a forked step needs beyond the memory it inherits."""

    context: IStepContext
    job: ReconstructableJob
    plan: ExecutionPlan
    known_state: KnownExecutionState

    @property
    def key(self) -> str:
        """Name the step."""
        return self.context.step.key

    def events(self) -> Iterator[DagsterEvent]:
        """Run the step here, in the forked process."""
        context, instance, run = self.context, self.context.instance, self.context.dagster_run
        yield DagsterEvent.step_worker_started(
            create_context_free_log_manager(instance, run),
            run.job_name,
            message=f'Executing step "{self.key}" in a forked process.',
            metadata={"pid": MetadataValue.text(str(os.getpid()))},
            step_key=self.key,
        )
        plan = create_execution_plan(
            job=self.job,
            run_config=context.run_config,
            step_keys_to_execute=[self.key],
            known_state=self.known_state,
            repository_load_data=self.plan.repository_load_data,
        )
        yield from execute_plan_iterator(
            plan,
            self.job,
            run,
            run_config=context.run_config,
            retry_mode=context.retry_mode.for_inner_plan(),
            instance=instance,
        )


class StepProcess:
    """A forked step seen from its run worker.

    Guarantees: the step dies with its run worker, and what it sent before a crash is still
    received.
    """

    def __init__(self, order: StepOrder) -> None:
        self.order = order
        self._connection, theirs = FORK.Pipe(duplex=False)
        self._process = FORK.Process(target=_work, args=(order, theirs, os.getpid()))
        self._process.start()
        theirs.close()
        self.pid = self._process.pid or 0
        self.death = os.pidfd_open(self.pid)
        self.said_all = self.settled = self._silent = False

    @property
    def signs(self) -> list[Connection | int]:
        """Give what becomes readable when the step speaks or dies."""
        return [self.death] if self._silent else [self._connection, self.death]

    def messages(self) -> Iterator[Message]:
        """Read what the step has said since the last time."""
        while not self._silent and self._connection.poll():
            try:
                raw = self._connection.recv_bytes()
            except (EOFError, OSError):
                self._silent = True
                return
            if raw == DONE:
                self.said_all = self._silent = True
            else:
                yield deserialize_value(raw.decode(), (DagsterEvent, SerializableErrorInfo))

    def send(self, number: signal.Signals) -> None:
        """Signal the step; one that is already gone does not mind."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.death, number)

    def reap(self) -> int:
        """Wait for the end of the process, and give its exit code, negative for a signal."""
        self._process.join()
        os.close(self.death)
        self._connection.close()
        return self._process.exitcode or 0


def _work(order: StepOrder, connection: Connection, run_worker: int) -> None:
    with capture_interrupts():
        _die_with(run_worker)
        try:
            with operation("step") as span:
                if span is not None:
                    span.parent = run_point(order.context.run_id)
                    span.point = span.parent.child(order.key)
                    span.tell(step=order.key, run_id=order.context.run_id)
                for event in order.events():
                    connection.send_bytes(serialize_value(event).encode())
        except (Exception, KeyboardInterrupt, DagsterExecutionInterruptedError):
            error = serializable_error_info_from_exc_info(sys.exc_info())
            connection.send_bytes(serialize_value(error).encode())
        settle()
        connection.send_bytes(DONE)


def _die_with(run_worker: int) -> None:
    """Have the kernel kill this process when its run worker dies, however that happens."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != run_worker:
        os.kill(os.getpid(), signal.SIGKILL)
