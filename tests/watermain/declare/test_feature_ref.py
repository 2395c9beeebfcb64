"""References to features find what they name, or say what is right."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, Dataset, DatasetName, Feature, feature_table
from watermain.declare.errors import UnknownFeatureError
from watermain.declare.feature import State
from watermain.declare.feature_ref import Chosen, Reference, feature_of, resolve, table_name


def declare(
    name: str, *features: str, version: int = 1, state: State = "current", entity: str = "airport"
) -> Dataset:
    """A feature table over nothing."""
    contract = Contract(
        grain="one row per entity and hour",
        key=(entity, "hour_at"),
        event_time="hour_at",
        columns=(
            Column(entity, pa.string(), "whom it describes"),
            Column("hour_at", pa.timestamp("us", "UTC"), "since when"),
            *(Column(f, pa.float64(), "a number") for f in features),
        ),
    )

    @feature_table(
        name,
        feature=Feature(entity=(entity,), version=version, state=state),
        contract=contract,
        owner="team:prediction",
    )
    def made() -> pa.Table:
        return contract.schema.empty_table()

    return made


def known(*datasets: Dataset) -> dict[DatasetName, Dataset]:
    return {d.name: d for d in datasets}


DELAY = declare("prediction.features.airport_delay", "mean_delay_minutes", "departures")
DELAY_2 = declare("prediction.features.airport_delay", "mean_delay_minutes", "p90", version=2)
DELAY_3 = declare("prediction.features.airport_delay", "median", version=3, state="candidate")
ROUTE = declare("prediction.features.route_delay", "mean_delay_minutes", entity="route")
OLD = declare("prediction.features.carrier_delay", "mean", state="retired")
PLAIN = replace(DELAY, name=DatasetName.parse("prediction.features.plain"), feature=None)
ALL = known(DELAY, DELAY_2, DELAY_3, ROUTE, OLD, PLAIN)


@pytest.mark.parametrize(
    ("text", "team", "found"),
    [
        ("prediction.features.route_delay", None, ("prediction", "route_delay", None, None)),
        ("prediction.features.route_delay:mean", None, ("prediction", "route_delay", None, "mean")),
        ("prediction.features.route_delay@12", None, ("prediction", "route_delay", 12, None)),
        ("prediction.features.route_delay@2:m", "other", ("prediction", "route_delay", 2, "m")),
        ("route_delay", "prediction", ("prediction", "route_delay", None, None)),
        ("route_delay@2:m", "prediction", ("prediction", "route_delay", 2, "m")),
        ("route_delay:m", None, (None, "route_delay", None, "m")),
    ],
)
def test_reference_is_read_in_all_its_forms(
    text: str, team: str | None, found: tuple[object, ...]
) -> None:
    """Team, version, feature may each be missing."""
    read = Reference.parse(text, team)
    assert (read.team, read.table, read.version, read.feature) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Prediction.features.x",
        "prediction.curated.x",
        "x@",
        "x@0",
        "x@v2",
        "x:",
        "x:a:b",
        "x y",
        "a.b.c.d",
        "prediction.x",
        "x@2@3",
        "x\n",
        "x:" + "é" * 3 + " ",
        3,
        None,
    ],
)
def test_reference_refuses_what_has_another_shape(text: str) -> None:
    """The error shows the shapes that there are."""
    with pytest.raises(UnknownFeatureError) as refused:
        resolve([text], ALL, "prediction")
    told = str(refused.value).splitlines()
    assert told[0] == f"{text!r} refers to no feature".replace(f"{text!r}", repr(str(text)))
    assert (
        told[3] == "  next      write `team.features.table`, `table:feature` or `table@2:feature`"
    )
    assert len(told) == 4


def test_resolve_takes_the_highest_current_version_when_none_is_named() -> None:
    """A candidate waits, an older current one is overtaken."""
    (chosen,) = resolve(["prediction.features.airport_delay"], ALL)
    assert chosen == Chosen(
        dataset=DELAY_2, columns=("mean_delay_minutes", "p90"), prefix="airport_delay"
    )
    assert chosen.feature.version == 2
    assert chosen.labels == ("airport_delay__mean_delay_minutes", "airport_delay__p90")


@pytest.mark.parametrize(("version", "dataset"), [(1, DELAY), (2, DELAY_2), (3, DELAY_3)])
def test_resolve_takes_a_named_version_whatever_its_state(version: int, dataset: Dataset) -> None:
    """The labels say which."""
    (chosen,) = resolve([f"airport_delay@{version}"], ALL, "prediction")
    assert chosen.dataset is dataset
    assert chosen.label("x") == f"airport_delay_v{version}__x"


def test_resolve_merges_references_to_one_table_in_the_order_asked() -> None:
    """Each column once, each table once."""
    asked = [
        "airport_delay:p90",
        "route_delay:mean_delay_minutes",
        "prediction.features.airport_delay:mean_delay_minutes",
        "airport_delay:p90",
    ]
    delay, route = resolve(asked, ALL, "prediction")
    assert (delay.dataset, delay.columns) == (DELAY_2, ("p90", "mean_delay_minutes"))
    assert (route.dataset, route.columns) == (ROUTE, ("mean_delay_minutes",))


def test_resolve_keeps_two_versions_of_a_table_apart() -> None:
    """Old beside new is how they are compared."""
    old, new = resolve(["airport_delay@1:departures", "airport_delay:p90"], ALL, "prediction")
    assert old.labels == ("airport_delay_v1__departures",)
    assert new.labels == ("airport_delay__p90",)


def test_resolve_says_the_version_when_any_reference_to_the_table_did() -> None:
    """One table has one prefix, whichever reference came first."""
    for asked in (["route_delay", "route_delay@1"], ["route_delay@1", "route_delay"]):
        (chosen,) = resolve(asked, ALL, "prediction")
        assert chosen.labels == ("route_delay_v1__mean_delay_minutes",)


def test_resolve_begins_labels_with_the_team_when_two_share_a_name() -> None:
    """No two columns get one label."""
    theirs = declare("weather.features.route_delay", "wind")
    ours, other = resolve(
        ["route_delay", "weather.features.route_delay"], known(ROUTE, theirs), "prediction"
    )
    assert ours.labels == ("prediction_route_delay__mean_delay_minutes",)
    assert other.labels == ("weather_route_delay__wind",)


@pytest.mark.parametrize(
    ("asked", "what", "next_step"),
    [
        (
            "prediction.features.airport_dleay:p90",
            "there is no feature table `prediction.features.airport_dleay`",
            "use one of `prediction.features.airport_delay`",
        ),
        (
            "zzz.features.qqq",
            "there is no feature table `zzz.features.qqq`",
            "`prediction.features.airport_delay`",
        ),
        (
            "route_delai",
            "no team is named for `route_delai`",
            "use one of `prediction.features.route_delay`",
        ),
        (
            "prediction.features.airport_delay@7",
            "`prediction.features.airport_delay` has no version 7",
            "use one of `prediction.features.airport_delay@1`, "
            "`prediction.features.airport_delay@2`, `prediction.features.airport_delay@3`",
        ),
        (
            "prediction.features.carrier_delay",
            "no version of `prediction.features.carrier_delay` is current: 1 is retired",
            "name one of `prediction.features.carrier_delay@1`",
        ),
        (
            "prediction.features.airport_delay:mean_delay_minute",
            "`prediction.features.airport_delay` has no feature `mean_delay_minute`",
            "use one of `mean_delay_minutes`",
        ),
        (
            "prediction.features.airport_delay:airport",
            "`prediction.features.airport_delay` has no feature `airport`",
            "use one of `mean_delay_minutes`, `p90`",
        ),
        (
            "prediction.features.plain",
            "there is no feature table `prediction.features.plain`",
            "use one of",
        ),
    ],
)
def test_resolve_lists_the_nearest_right_ones(asked: str, what: str, next_step: str) -> None:
    """Four lines: what is wrong, where, that nothing happened, what is right."""
    with pytest.raises(UnknownFeatureError) as refused:
        resolve([asked], ALL)
    told = str(refused.value).splitlines()
    assert len(told) == 4
    assert told[0] == what
    assert told[2] == "  data      nothing was read or written"
    assert next_step in told[3]


def test_resolve_points_at_the_table_that_lacks_the_feature() -> None:
    """The second line is where the table is declared."""
    with pytest.raises(UnknownFeatureError) as refused:
        resolve(["prediction.features.route_delay:x"], ALL)
    assert refused.value.declared == ROUTE.declared
    assert refused.value.declared.startswith("tests/watermain/declare/test_feature_ref.py:")


def test_resolve_refuses_to_choose_nothing() -> None:
    """An empty list is a mistake, not an empty answer."""
    with pytest.raises(UnknownFeatureError, match="no feature is asked for") as refused:
        resolve([], ALL)
    assert "`prediction.features.route_delay`" in refused.value.next
    with pytest.raises(UnknownFeatureError) as refused:
        resolve(["a.features.b"], {})
    assert refused.value.next == "use one of none: no room declares a feature table"


def test_table_name_leaves_the_version_out() -> None:
    """A table's name is the same for all its versions."""
    assert table_name(DELAY_2) == table_name(DELAY) == "prediction.features.airport_delay"
    with pytest.raises(UnknownFeatureError, match=r"prediction\.features\.plain is no feature"):
        feature_of(PLAIN)
