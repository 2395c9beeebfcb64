"""Who is driven in a graph; a graph of some datasets tells what the whole one does."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from tests.watermain.engine.plan.field import KNOWN, READERS, both, months
from tests.watermain.engine.plan.test_planner_property import Drivers, company, live_a_while
from tests.watermain.engine.plan.world import World
from watermain.engine.plan.graph import Graph
from watermain.engine.plan.planner import PlanCursor, Planner
from watermain.engine.plan.survey import Around, Outlook

CASES = 100


def told(drivers: Drivers, graph: Graph) -> Mapping[str, Mapping[str, Outlook]]:
    """The stale partitions by the names of their datasets."""
    world = drivers.world
    planner = Planner(graph, lambda _: True)
    planner.__dict__["code"] = ""
    around = Around(now=world.now, attempts=drivers.attempts)
    survey = planner.look_into(world, PlanCursor(), lambda: around, world.now).survey
    return {str(n): of for n, of in survey.outlooks.items() if of} if survey else {}


def test_one_dataset_with_what_it_is_made_of_is_told_as_among_all() -> None:
    """State, reason and time of each partition, in companies as chance makes them."""
    compared, states = 0, set[str]()
    for seed in range(CASES):
        chance = Random(seed)
        drivers = Drivers(World(company(chance)))
        live_a_while(chance, drivers)
        whole = Graph(drivers.world.datasets, lambda _: False)
        expected = told(drivers, whole)
        for dataset in whole.driven:
            part = whole.made_of([dataset.name])
            name = str(dataset.name)
            assert told(drivers, part).get(name, {}) == expected.get(name, {}), (seed, name)
            compared += len(part.datasets) < len(whole.datasets)
            states |= {v.state for v in expected.get(name, {}).values()}
    assert compared > CASES
    assert {"ready", "waits", "held", "rests"} <= states


def test_graph_knows_who_is_driven() -> None:
    """Captured datasets are not; neither is what others drive."""
    planner = Planner.of(KNOWN, "field", lambda d: d.name == both.name)
    driven = {d.name for d in planner.graph.driven}
    assert driven == {d.name for d in READERS} - {both.name}
    assert months.name in driven
