"""Feature tables: what fits together is a dataset, what does not is refused on the spot."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest

from watermain.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    Feature,
    FeatureSet,
    Online,
    feature_table,
)
from watermain.declare.errors import InvalidDeclarationError

INSTANT = pa.timestamp("us", "UTC")
COLUMNS = (
    Column("airport", pa.string(), "where"),
    Column("runway", pa.int32(), "which"),
    Column("at", INSTANT, "when"),
    Column("known_at", INSTANT, "since when it is known", nullable=False),
    Column("mean_delay", pa.float64(), "of departures", unit="minutes"),
    Column("note", pa.string(), "what people say"),
)


TOLD = ("airport", "at", "known_at")


def contract(**words: Any) -> Contract:
    """A contract of features of an airport."""
    said = {"grain": "one row per airport", "key": ("airport", "at"), "event_time": "at"}
    return Contract(**{**said, "columns": COLUMNS, **words})


def declared(feature: Feature, **words: Any) -> Dataset:
    """A feature table over movements."""

    @feature_table(
        "prediction.features.delay",
        feature=feature,
        inputs={"movements": "operations.curated.movements"},
        contract=contract(**words),
        cadence=Daily(),
        owner="team:prediction",
    )
    def delay(movements: ibis.Table) -> ibis.Table:
        """Say how late departures are."""
        return movements

    return delay


def test_feature_table_is_a_dataset_named_with_its_version() -> None:
    """Name, checks, cadence, body, place: as any dataset."""
    feature = Feature(entity=("airport",), known_at="known_at", version=3, online=Online())
    found = declared(feature, key=TOLD)
    assert str(found.name) == "prediction.features.delay_v3"
    assert {"not_null_airport", "not_null_known_at", "unique_key_airport_at_known_at"} <= {
        c.label for c in found.all_checks
    }
    assert "test_feature.py:" in found.declared
    assert found.description == "Say how late departures are."
    assert found("given") == "given"


def test_features_are_what_is_neither_entity_nor_time() -> None:
    """In the contract's order."""
    feature = Feature(entity=("airport",), known_at="known_at")
    assert feature.columns(contract()) == ("runway", "mean_delay", "note")


@pytest.mark.parametrize("key", [TOLD, ("known_at", "at", "airport")])
def test_key_is_the_entity_with_its_times(key: tuple[str, ...]) -> None:
    """A fact that is told again later has its known-at in the key."""
    assert declared(Feature(entity=("airport",), known_at="known_at"), key=key).contract.key == key


def test_known_at_outside_of_the_key_is_refused() -> None:
    """There what is told later would take the place of what was known before."""
    with pytest.raises(InvalidDeclarationError) as refused:
        declared(Feature(entity=("airport",), known_at="known_at"))
    what, where, data, then = str(refused.value).splitlines()
    assert what == (
        "prediction.features.delay_v1: `known_at` is not part of the key `airport`, `at`, so what"
        " is told later would take the place of what was known before"
    )
    assert "test_feature.py:" in where
    assert data == "  data      nothing was read or written"
    assert then == (
        "  next      make the key `airport`, `at`, `known_at`, in a new version if this one was"
        " released"
    )


@pytest.mark.parametrize(
    "feature",
    [
        Feature(entity=("airport",)),
        Feature(entity=("airport",), known_at="at"),
        Feature(entity=("airport",), known_at="known_at", state="retired"),
    ],
)
def test_key_without_a_known_at_is_right_where_nothing_is_told_twice(feature: Feature) -> None:
    """What is known at its event time; a retired version, of which nothing is told any more."""
    assert declared(feature).contract.key == ("airport", "at")


@pytest.mark.parametrize(
    ("feature", "words", "told"),
    [
        (Feature(entity=()), {}, "no tuple of column names"),
        (Feature(entity="airport"), {}, "no tuple of column names"),  # type: ignore[arg-type]
        (Feature(entity=("airprot",)), {}, "`airprot` is no column"),
        (Feature(entity=("airport",), known_at="knwon_at"), {}, "`knwon_at` is no column"),
        (Feature(entity=("airport",)), {"event_time": None}, "event time"),
        (Feature(entity=("airport",)), {"key": ("airport",)}, "not the entity with its event time"),
        (Feature(entity=("runway",)), {}, "not the entity with its event time"),
        (
            Feature(entity=("mean_delay",)),
            {"key": ("mean_delay", "at")},
            "entity `mean_delay` is double",
        ),
        (Feature(entity=("airport",), known_at="note"), {}, "`note` is string, no instant"),
        (Feature(entity=("airport",), version=0), {}, "version 0 is not positive"),
        (Feature(entity=("airport",), state="new"), {}, "state 'new' is unknown"),  # type: ignore[arg-type]
        (Feature(entity=("airport",), max_age=timedelta(0)), {}, "max_age 0:00:00 is no time"),
        (
            Feature(entity=("airport",), trained_on=(date(2013, 2, 1), date(2013, 1, 1))),
            {},
            "ends before it begins",
        ),
        (Feature(entity=("airport",), trained_on=(31, 2)), {}, "ends before it begins"),
        (Feature(entity=("airport",), trained_on=(0, 2)), {}, "begins with day 0"),
        (
            Feature(entity=("airport",), trained_on=(date(2013, 1, 1), 31)),  # type: ignore[arg-type]
            {},
            "mixes a date with a number",
        ),
    ],
)
def test_what_does_not_fit_is_refused(feature: Feature, words: dict[str, Any], told: str) -> None:
    """In four lines, where it is declared."""
    with pytest.raises(InvalidDeclarationError, match=told) as caught:
        declared(feature, **words)
    assert "test_feature.py" in caught.value.declared
    assert "prediction.features.delay" in caught.value.what


def test_time_without_a_zone_is_no_instant() -> None:
    """A wall clock cannot say what was known."""
    naive = tuple(
        Column("at", pa.timestamp("us"), "when") if c.name == "at" else c for c in COLUMNS
    )
    with pytest.raises(InvalidDeclarationError, match="no instant"):
        declared(Feature(entity=("airport",)), columns=naive)


def test_known_at_is_never_null() -> None:
    """A fact that nobody knows since when counts for nothing."""
    loose = tuple(Column(c.name, c.type, c.description) for c in COLUMNS)
    with pytest.raises(InvalidDeclarationError, match="`known_at` may be null"):
        declared(Feature(entity=("airport",), known_at="known_at"), columns=loose)


def test_set_names_what_is_read_together() -> None:
    """A value, no more."""
    found = FeatureSet(name="alerts", features=("delay",), owner="team:prediction")
    assert found.features == ("delay",)


def test_days_of_training_are_dates_or_counted_in_the_calendar() -> None:
    """The first day of a calendar is 1; a calendar without a start begins with the data."""
    named = Feature(entity=("airport",), trained_on=(date(2013, 2, 1), date(2013, 2, 28)))
    counted = Feature(entity=("airport",), trained_on=(2, 31))
    begun = Daily(begun=date(2026, 10, 30))
    assert named.trained_between(begun) == named.trained_on
    assert counted.trained_between(begun) == (date(2026, 10, 31), date(2026, 11, 29))
    assert counted.trained_between(Daily()) == (date(2013, 1, 2), date(2013, 1, 31))
    assert Feature(entity=("airport",)).trained_between(begun) is None
