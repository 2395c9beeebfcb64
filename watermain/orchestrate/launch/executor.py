"""The executor whose steps are forked from the run worker.

It is Dagster's multiprocess executor with another way to start a process: it has the same
events, limits, retries and crash isolation, but a step inherits the imported world instead of
importing it again.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from multiprocessing import connection
from typing import Any

from dagster import (
    DagsterEvent,
    Executor,
    Field,
    InitExecutorContext,
    Int,
    Noneable,
    executor,
    multiple_process_executor_requirements,
)
from dagster._core.errors import DagsterExecutionInterruptedError, DagsterSubprocessError
from dagster._core.events import EngineEventData
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode, get_retries_config
from dagster._core.execution.step_dependency_config import (
    StepDependencyConfig,
    get_step_dependency_config_field,
)
from dagster._core.execution.tags import get_tag_concurrency_limits_config
from dagster._core.executor.child_process_executor import ChildProcessCrashException
from dagster._core.executor.multiprocess import MultiprocessExecutor
from dagster._utils import get_run_crash_explanation
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster_shared.error import SerializableErrorInfo

from watermain.machine.system import IS_LINUX
from watermain.orchestrate.launch.native_threads import end_native_threads
from watermain.orchestrate.launch.step import StepOrder, StepProcess

TICK_SECONDS = 0.1
GRACE_SECONDS = 10.0
INTERRUPTIONS = {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}


class ForkedExecutor(Executor):
    """Run every step of a plan in a process forked from this one."""

    def __init__(
        self,
        retries: RetryMode,
        max_concurrent: int | None = None,
        tag_concurrency_limits: list[dict[str, Any]] | None = None,
        step_dependency_config: StepDependencyConfig | None = None,
    ) -> None:
        self._retries = retries
        self._max_concurrent = max_concurrent or multiprocessing.cpu_count()
        self._tag_concurrency_limits = tag_concurrency_limits or []
        self._dependencies = step_dependency_config or StepDependencyConfig.default()

    @property
    def retries(self) -> RetryMode:
        """Tell whether a step may be retried within the run."""
        return self._retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        """Tell when a step may start."""
        return self._dependencies

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        """Fork the steps as their inputs arrive; yield the events of all of them."""
        yield DagsterEvent.engine_event(
            plan_context,
            f"Executing steps in processes forked from the run worker (pid: {os.getpid()})",
            EngineEventData.multiprocess(
                os.getpid(), step_keys_to_execute=execution_plan.step_keys_to_execute
            ),
        )
        from watermain.orchestrate.instance.connection import (
            keep_connection,  # dagster_postgres is slow to import
        )

        keep_connection(plan_context.instance)
        end_native_threads()
        gc.freeze()
        with ExitStack() as stack:
            concurrency = InstanceConcurrencyContext(
                plan_context.instance, plan_context.dagster_run
            )
            active = ActiveExecution(
                execution_plan,
                retry_mode=self._retries,
                max_concurrent=self._max_concurrent,
                tag_concurrency_limits=self._tag_concurrency_limits,
                instance_concurrency_context=stack.enter_context(concurrency),
                step_dependency_config=self._dependencies,
            )
            crew = stack.enter_context(Crew(self, plan_context, stack.enter_context(active)))
            yield from crew.work(execution_plan)
            crew.raise_errors()


class Crew:
    """The steps of one run that are in flight."""

    def __init__(
        self, owner: ForkedExecutor, context: PlanOrchestrationContext, active: ActiveExecution
    ) -> None:
        self._owner, self._context, self._active = owner, context, active
        self._steps: dict[str, StepProcess] = {}
        self._errors: dict[int, SerializableErrorInfo] = {}
        self._stopping = False

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Leave no step behind when the run worker gives up."""
        for number in (signal.SIGINT, signal.SIGKILL):
            for step in self._steps.values():
                step.send(number)
            for step in self._steps.values():
                connection.wait([step.death], GRACE_SECONDS)
        for step in self._steps.values():
            step.reap()

    def work(self, plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        """Start what can start and pass on what is said until all is done or interrupted."""
        while self._steps or not (self._stopping or self._active.is_complete):
            if self._active.check_for_interrupts():
                yield from self._interrupt()
            if not self._stopping:
                yield from self._start(plan)
            yield from self._listen()
            yield from self._active.plan_events_iterator(self._context)

    def raise_errors(self) -> None:
        """Fail the run for steps that crashed, or end it as interrupted."""
        if self._stopping and {e.cls_name for e in self._errors.values()} <= INTERRUPTIONS:
            raise DagsterExecutionInterruptedError
        if self._errors:
            told = "\n".join(f"In process {p}: {e.to_string()}" for p, e in self._errors.items())
            raise DagsterSubprocessError(
                f"Errors occurred in forked steps:\n{told}",
                subprocess_error_infos=list(self._errors.values()),
            )

    def _interrupt(self) -> Iterator[DagsterEvent]:
        yield DagsterEvent.engine_event(
            self._context,
            "Received a termination signal, forwarding it to the steps in flight",
            EngineEventData.interrupted(list(self._steps)),
        )
        self._stopping = True
        self._active.mark_interrupted()
        for step in self._steps.values():
            step.send(signal.SIGINT)

    def _start(self, plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        ready = self._active.get_steps_to_execute()
        yield from self._active.concurrency_event_iterator(self._context)
        for step in ready:
            context = self._context.for_step(step)
            yield DagsterEvent.step_worker_starting(
                context, f'Forking a process for "{step.key}".', metadata={}
            )
            job, known = self._context.reconstructable_job, self._active.get_known_state()
            self._steps[step.key] = StepProcess(StepOrder(context, job, plan, known))

    def _listen(self) -> Iterator[DagsterEvent]:
        signs = [sign for step in self._steps.values() for sign in step.signs]
        if not signs:
            time.sleep(min(TICK_SECONDS, max(0.0, self._active.sleep_interval())))
        heard = connection.wait(signs, TICK_SECONDS) if signs else []
        for key, step in list(self._steps.items()):
            if not any(sign in heard for sign in step.signs):
                continue
            for message in step.messages():
                if isinstance(message, SerializableErrorInfo):
                    self._errors[step.pid] = message
                else:
                    yield from self._pass_on(step, message)
            if step.death in heard:
                yield from self._bury(step)
                del self._steps[key]
                self._active.verify_complete(self._context, key)

    def _pass_on(self, step: StepProcess, event: DagsterEvent) -> Iterator[DagsterEvent]:
        yield event
        self._active.handle_event(event)
        step.settled |= event.is_step_success or event.is_step_failure or event.is_step_up_for_retry
        if event.is_resource_init_failure:
            error = event.engine_event_data.error
            assert error is not None
            yield from self._fail(step, error)

    def _bury(self, step: StepProcess) -> Iterator[DagsterEvent]:
        code = step.reap()
        if step.said_all:
            return
        try:
            raise ChildProcessCrashException(pid=step.pid, exit_code=code)
        except ChildProcessCrashException:
            error = serializable_error_info_from_exc_info(sys.exc_info())
        key = step.order.key
        yield DagsterEvent.engine_event(
            step.order.context,
            get_run_crash_explanation(f"The forked process of step {key}", code),
            EngineEventData.engine_error(error),
        )
        for event in () if step.settled else self._fail(step, error):
            if event.is_step_failure:
                self._errors[step.pid] = error
            yield event

    def _fail(self, step: StepProcess, error: SerializableErrorInfo) -> Iterator[DagsterEvent]:
        """Yield the failure or the retry that follows `error`."""
        event = self._owner.log_failure_or_retry_event_after_error(
            step.order.context, error, self._active.get_known_state()
        )
        self._active.handle_event(event)
        yield event


@executor(
    name="forked",
    config_schema={
        "max_concurrent": Field(
            Noneable(Int),
            default_value=None,
            description="How many steps of a run may be in flight; by default one per core.",
        ),
        "tag_concurrency_limits": get_tag_concurrency_limits_config(),
        "retries": get_retries_config(),
        "step_dependency_config": get_step_dependency_config_field(),
    },
    requirements=multiple_process_executor_requirements(),
)
def forked_executor(init_context: InitExecutorContext) -> Executor:
    """Run every step in a process of its own, forked from the warm run worker.

    Elsewhere than on Linux Dagster's own executor starts a Python for each step: a run worker has
    threads, and what forks beside them may hang there. Untested on macOS. Configure it like
    Dagster's multiprocess executor: `max_concurrent`, `retries`, `tag_concurrency_limits`
    and `step_dependency_config`.
    """
    return chosen_executor(init_context.executor_config)


def chosen_executor(config: Mapping[str, Any], *, linux: bool = IS_LINUX) -> Executor:
    """The executor of a system."""
    kind: Any = ForkedExecutor if linux else partial(MultiprocessExecutor, start_method="spawn")
    made: Executor = kind(
        retries=RetryMode.from_config(config["retries"]) or RetryMode.ENABLED,
        max_concurrent=config["max_concurrent"],
        tag_concurrency_limits=config.get("tag_concurrency_limits"),
        step_dependency_config=StepDependencyConfig.from_config(
            config.get("step_dependency_config")
        ),
    )
    return made
