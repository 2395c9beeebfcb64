"""What is stale in the whole platform at this moment, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.plan.books import LedgerBooks
from watermain.engine.plan.chain import Chain, Reason
from watermain.engine.plan.driven import planner_of_all
from watermain.engine.plan.graph import Graph
from watermain.engine.plan.planner import PlanCursor
from watermain.engine.plan.survey import Outlook
from watermain.engine.publish.attempt import Attempts
from watermain.lake.lake import Lake
from watermain.orchestrate.instance.opening import open_instance
from watermain.orchestrate.plan.under_way import Tried, around
from watermain.process.instance import dagster_home, storage_url
from watermain.settings import load_settings


@dataclass(frozen=True, kw_only=True)
class Stale:
    """Stale partitions by dataset, as the ledger stood at a snapshot."""

    snapshot: int
    datasets: Mapping[DatasetName, Dataset]
    outlooks: Mapping[DatasetName, list[Outlook]]
    graph: Graph

    def chain(self, name: DatasetName, key: str) -> list[Reason]:
        """What made a partition stale, the newest step first."""
        due = next(v.due for v in self.outlooks[name] if v.due.key == key)
        since = due.stands.read if due.stands else None
        with Lake.from_settings().get_connection() as connection:
            steps = Chain(connection, self.graph).steps
            return list(steps(self.datasets[name], key, since, self.snapshot))


def stale_now(datasets: Mapping[DatasetName, Dataset], only: DatasetName | None) -> Stale:
    """Judge every partition of every driven dataset; of one and what it is made of if it is named.

    Raises: UnreachableSystemError, when the lake or Dagster's database does not answer.
    """
    planner, settings, now = planner_of_all(datasets), load_settings(), Clock().now()
    if only is not None:
        planner = replace(planner, graph=planner.graph.made_of([only]))
    lake = Lake.from_settings(settings)
    with (
        open_instance(dagster_home(settings), storage_url(settings)) as instance,
        lake.get_connection() as connection,
    ):
        tried = Tried(planner, Attempts(lake.dsn()), instance, now)
        books = LedgerBooks(connection, lake.snapshot(connection))
        look = planner.look_into(books, PlanCursor(), lambda: around(tried), now)
    outlooks = look.survey.outlooks if look.survey else {}
    return Stale(
        snapshot=books.snapshot,
        datasets=datasets,
        outlooks={n: list(of.values()) for n, of in outlooks.items() if of and only in (None, n)},
        graph=planner.graph,
    )
