"""The catalog serves what is kept online."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.watermain.serve.feature_server.delays import (
    AIRPORT,
    AIRPORT_2,
    DATASETS,
    KINDS,
    OFFLINE,
    OLD,
    ROUTE,
    SET,
    TEXT,
    catalog,
    declare,
)
from watermain.declare import Dataset, FeatureSet
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.serve.feature_server.catalog import Catalog


def test_catalog_leaves_out_what_is_not_online() -> None:
    """Retired tables, tables for training alone are not served; candidates are."""
    names = set(catalog().tables)
    assert {d.name for d in DATASETS} - names == {OLD.name, OFFLINE.name}


def test_reference_without_a_version_means_the_current_one() -> None:
    """The candidate waits until it is named."""
    plans = catalog().plan(("prediction.features.airport_delay",))
    assert [p.stored for p in plans.parts] == [str(AIRPORT_2.name)]
    named = catalog().plan(("prediction.features.airport_delay@3",))
    assert [(p.name, p.chosen.feature.version) for p in named.parts] == [
        ("prediction.features.airport_delay", 3)
    ]


@pytest.mark.parametrize(
    ("refs", "is_whole"),
    [
        (("prediction.features.airport_delay@1",), True),
        (
            (
                "prediction.features.airport_delay@1:departures",
                "prediction.features.airport_delay@1:mean",
            ),
            True,
        ),
        (("prediction.features.airport_delay@1:mean",), False),
    ],
)
def test_part_knows_whether_it_is_whole(refs: tuple[str, ...], is_whole: bool) -> None:
    """All features of a table may be asked for one by one, in any order."""
    assert [p.is_whole for p in catalog().plan(refs).parts] == [is_whole]


def test_plan_needs_the_entities_of_its_tables() -> None:
    """A column that two tables share is asked for once."""
    plan = catalog().plan_of("departure")
    assert plan.entities == {"airport": (pa.string(),), "flight": (pa.int16(),)}


def test_plan_knows_where_tables_differ_about_a_column() -> None:
    """Then no value is right for both, which the question is told."""
    other = declare("plane_delay", {"airport": pa.int64()}, {"mean": TEXT})
    found = catalog(datasets=(*DATASETS, other)).plan(
        ("prediction.features.plane_delay", "prediction.features.kinds")
    )
    assert found.entities == {"airport": (pa.int64(), pa.string())}


def test_plans_are_kept_within_bounds() -> None:
    """The same question is planned once."""
    found = catalog()
    refs = ("prediction.features.kinds",)
    assert found.plan(refs) is found.plan(refs)
    assert found.plan.cache_info().maxsize == 1024


@pytest.mark.parametrize(
    ("sets", "what"),
    [
        ((SET, SET), "feature set `departure`: two sets have its name"),
        (
            (FeatureSet(name="odd", features=("carrier_delay",), owner="team:prediction"),),
            "feature set `odd`: there is no feature table `prediction.features.carrier_delay`",
        ),
        (
            (FeatureSet(name="none", features=(), owner="team:prediction"),),
            "feature set `none`: no feature is asked for",
        ),
    ],
)
def test_set_that_cannot_be_served_is_refused(sets: tuple[FeatureSet, ...], what: str) -> None:
    """The server does not start with a promise that it cannot keep."""
    with pytest.raises(InvalidDeclarationError) as caught:
        catalog(*sets)
    assert caught.value.what.startswith(what)
    assert caught.value.declared == "platform_assets/prediction/features.py"


def test_catalog_tells_tables_with_their_columns() -> None:
    """A consumer reads names, types, meanings, ages."""
    tables = {(t["table"], t["version"]): t for t in catalog().facts()["tables"]}
    found = tables["prediction.features.route_delay", 1]
    assert found == {
        "table": "prediction.features.route_delay",
        "version": 1,
        "state": "current",
        "owner": "team:prediction",
        "description": "Describe nothing.",
        "grain": "one row per airport flight with hour",
        "max_age_seconds": None,
        "entity": [
            {"name": "airport", "type": "string", "unit": None, "description": "whom it describes"},
            {"name": "flight", "type": "int16", "unit": None, "description": "whom it describes"},
        ],
        "features": [
            {"name": "mean", "type": "double", "unit": "minutes", "description": "a feature"}
        ],
    }
    assert tables["prediction.features.kinds", 1]["max_age_seconds"] == 3600.0


def test_catalog_tells_sets_with_their_entities() -> None:
    """A consumer reads what to send for a set."""
    assert catalog().facts()["sets"] == [
        {
            "name": "departure",
            "description": "",
            "owner": "team:prediction",
            "features": ["airport_delay@1", "route_delay:mean"],
            "entity": ["airport", "flight"],
        }
    ]


def test_catalog_may_be_without_sets() -> None:
    """Tables are enough."""
    known: dict[DatasetName, Dataset] = {KINDS.name: KINDS}
    assert Catalog(known).facts()["sets"] == []
    assert list(Catalog({AIRPORT.name: AIRPORT, ROUTE.name: ROUTE}).tables) == [
        AIRPORT.name,
        ROUTE.name,
    ]
