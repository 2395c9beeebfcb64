"""The sensor that asks for what the ledger says is stale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import dagster as dg

from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.errors import TransientError
from watermain.declare.name import DatasetName
from watermain.engine.plan.driven import planner_of
from watermain.engine.plan.planner import PlanCursor, PlanLook, Planner
from watermain.engine.plan.request import Request
from watermain.engine.publish.attempt import Attempts
from watermain.engine.rooms.directory import everything
from watermain.lake.lake import Lake
from watermain.orchestrate.plan.under_way import Tried, around
from watermain.orchestrate.tags import PLAN, partition_tags, run_tags

Everything = Callable[[], Mapping[DatasetName, Dataset]]
SECONDS = 10
MOST_TOLD = 5


def planner_sensor(
    team: str, datasets: Sequence[Dataset], known: Everything = everything
) -> list[dg.SensorDefinition]:
    """Ask for the stale partitions of a team's datasets, each once, in the fewest runs.

    Guarantees: what was decided is written down before Dagster is asked, under a key of the run,
    so that a planner which dies in between neither loses a run nor asks for it twice.
    """
    own = [d for d in datasets if d.is_computed]
    if not own:
        return []
    held: list[Planner] = []  # the declarations of this process, looked up at its first tick

    @dg.sensor(
        name=f"{team}_planner",
        asset_selection=dg.AssetSelection.assets(*(dg.AssetKey(d.name.key) for d in own)),
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for the partitions that the ledger says are stale, each once.",
    )
    def plan(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if not held:
            held.append(planner_of(known(), team))
        lake, now = Lake.from_settings().of_one_thread(), Clock().now()
        try:
            tried = Tried(held[0], Attempts(lake.dsn()), context.instance, now)
            find = partial(around, tried)
            look = held[0].look(lake, PlanCursor.parse(context.cursor), find, now)
            asked = [_asked(tried, request) for request in look.requests]
            tried.remember()
        except TransientError as error:
            yield dg.SkipReason(str(error))
            return
        context.update_cursor(str(look.cursor))
        yield from asked
        if not asked:
            yield dg.SkipReason(_told(look))

    return [plan]


def _asked(tried: Tried, request: Request) -> dg.RunRequest:
    """The run of a request, under a key that the same request has whenever it is made."""
    key, span = tried.ask(request), request.span
    tags = {PLAN: key, **(partition_tags(span.first, span.last) if span else {})}
    paths = [name.key for name in request.names]
    return dg.RunRequest(
        run_key=key,
        asset_selection=[dg.AssetKey(path) for path in paths],
        tags=run_tags(paths, tags, _why(request)),
    )


def _why(request: Request) -> str:
    words = {"missing": "was never published", "inputs": "has new inputs", "code": "has new code"}
    due = request.due.due
    more = len(request.wanted) - 1
    return f"{due} {words[due.cause]}" + (f", and {more} more" if more else "")


def _told(look: PlanLook) -> str:
    """What is stale and not asked for, in a sentence."""
    if look.survey is None:
        return "nothing changed"
    outlooks = [v for of in look.survey.outlooks.values() for v in of.values()]
    told = [f"{v.due}: {v.why}" for v in outlooks if v.state in ("held", "failing", "large")]
    counts = Counter(v.state for v in outlooks)
    said = ", ".join(f"{n} {state}" for state, n in sorted(counts.items())) or "nothing is stale"
    more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return "; ".join([said, *dict.fromkeys(told[:MOST_TOLD])]) + more
