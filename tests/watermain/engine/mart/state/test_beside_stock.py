"""Marts that grow, row by row beside those that stock dbt builds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from tests.lakes import LakeTemplate, recall, use
from tests.watermain.engine.mart.state.growing import (
    INSTANTS,
    ROUNDS,
    TABLES,
    Growing,
    Rows,
    built_by_stock,
    plain,
    with_instants_by_rank,
)
from watermain.declare import Dataset
from watermain.lake.lake import Lake

pytestmark = pytest.mark.slow
Tables = list[dict[str, Rows]]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """What stock dbt makes of every round."""
    return built_by_stock(tmp_path_factory.mktemp("stock"))


@pytest.fixture(scope="module")
def ours(
    tmp_path_factory: pytest.TempPathFactory,
    empty_lake: LakeTemplate,
    grown: dict[str, Dataset],
) -> Tables:
    """What the platform makes of every round."""
    folder = tmp_path_factory.mktemp("ours")
    empty_lake.copy(folder.name, folder)
    found: Tables = []
    with pytest.MonkeyPatch.context() as patch:
        use(patch, folder, empty_lake.server.dsn(folder.name))
        recall()
        lake = Growing(Lake.from_settings(), marts=grown)
        for each in ROUNDS:
            lake.give(each)
            lake.build()
            found.append({name: lake.read(name) for name in grown})
            lake.clock.advance(timedelta(days=1))
    return found


def test_every_model_of_the_project_is_a_mart(grown: Mapping[str, Dataset]) -> None:
    """None is dark; the same names as stock dbt has."""
    assert {name: d.broken for name, d in grown.items() if d.broken} == {}
    assert set(grown) == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_a_mart_equals_what_stock_dbt_builds_in_each_round(
    stock: Tables, ours: Tables, name: str
) -> None:
    """The same columns, the same rows, as often; instants of a run by their order."""
    for number, (theirs, own) in enumerate(zip(stock, ours, strict=True)):
        wanted, found = theirs[name], own[name]
        assert wanted, (name, number)
        if name in INSTANTS:
            wanted, found = with_instants_by_rank(wanted), with_instants_by_rank(found)
        assert plain(found) == plain(wanted), (name, number)
