"""Training sets from a real lake are exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.watermain.engine.feature_lake import (
    START,
    FeatureLake,
    Row,
    as_table,
    declare,
    minute,
    right_answer,
)
from tests.watermain.engine.training_case import (
    AGED,
    DELAY,
    LATE,
    PAIRS,
    REF,
    RIGHT,
    SPINE,
    spine,
    values,
)
from watermain import read
from watermain.declare import DatasetName, Feature, FeatureSet
from watermain.declare.errors import (
    UnknownFeatureError,
)
from watermain.lake.lake import Lake, table


def test_training_frame_keeps_the_spine_with_its_order(features: FeatureLake) -> None:
    """Each row once, in its order, columns of its own kept, a feature behind."""
    given = SPINE.append_column("label", pa.array(range(6)))
    frame = features.store.training_frame(given, [REF])
    assert frame.to_arrow().column_names == ["airport", "event_time", "label", "delay__mean"]
    assert frame.to_arrow().select(given.column_names).equals(given)
    assert values(frame) == RIGHT
    assert frame.to_pandas()["delay__mean"].isna().tolist() == [v is None for v in RIGHT]
    assert frame.to_ibis().count().execute() == 6


SHAPES: dict[str, Callable[[pa.Table], Any]] = {
    "pandas": lambda t: t.to_pandas(),
    "pandas objects": lambda t: t.to_pandas().astype({"airport": object}),
    "pandas categories": lambda t: t.to_pandas().astype({"airport": "category"}),
    "pandas with an index": lambda t: t.to_pandas().set_index(np.arange(6) * 7),
    "ibis": ibis.memtable,
    "large text": lambda t: t.set_column(0, "airport", t["airport"].cast(pa.large_string())),
    "text views": lambda t: t.set_column(0, "airport", t["airport"].cast(pa.string_view())),
    "dictionary": lambda t: t.set_column(0, "airport", t["airport"].dictionary_encode()),
    "chunks": lambda t: pa.concat_tables([t[:2], t[2:2], t[2:]]),
    "one batch": lambda t: t.combine_chunks().to_batches()[0],
    "a stream": lambda t: t.to_reader(),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_training_frame_takes_a_spine_in_every_shape(features: FeatureLake, shape: str) -> None:
    """The values are the same, the fingerprints, too."""
    plain = features.store.training_frame(SPINE, [REF])
    frame = features.store.training_frame(SHAPES[shape](SPINE), [REF])
    assert values(frame) == RIGHT
    assert frame.manifest == plain.manifest
    assert frame.to_arrow()["airport"].type == pa.string()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "+05:30"])
def test_training_frame_reads_instants_of_every_unit_and_zone(
    features: FeatureLake, unit: str, zone: str
) -> None:
    """A zone is how an instant is written; the column stays as it was written."""
    kind = pa.timestamp(unit, zone)
    given = SPINE.set_column(1, "event_time", SPINE["event_time"].cast(kind))
    frame = features.store.training_frame(given, [REF])
    assert values(frame) == RIGHT
    assert frame.to_arrow()["event_time"].type == kind


def test_training_frame_is_exact_to_the_nanosecond(features: FeatureLake) -> None:
    """A fact of the next microsecond is not yet known; an age is not rounded."""
    features.publish(AGED, [("EWR", minute(0), 7)])
    edge = int(minute(10).timestamp()) * 10**9
    at = pa.array([edge - 1, edge, edge + 1], pa.timestamp("ns", "UTC"))
    given = pa.table({"airport": ["EWR"] * 3, "event_time": at})
    frame = features.store.training_frame(given, [REF, "p.features.aged"])
    assert values(frame) == [1, 2, 2]
    assert values(frame, "aged__mean") == [7, 7, None]


def test_training_frame_tells_the_two_hours_of_a_winter_day_apart(features: FeatureLake) -> None:
    """01:30 comes twice in New York on 3 November; in March 02:30 does not come."""
    first, second = (datetime(2013, 11, 3, hour, 30, tzinfo=UTC) for hour in (5, 6))
    features.publish(DELAY, [("EWR", first, 1), ("EWR", second, 2)])
    local = pd.DatetimeIndex([first, first + timedelta(minutes=59), second]).tz_convert(
        "America/New_York"
    )
    assert [t.strftime("%H:%M") for t in local] == ["01:30", "01:29", "01:30"]
    given = pd.DataFrame({"airport": "EWR", "event_time": local})
    assert values(features.store.training_frame(given, [REF])) == [1, 1, 2]
    spring = pd.DatetimeIndex([datetime(2013, 3, 10, 6, 59, 59), datetime(2013, 3, 10, 7)])
    features.publish(DELAY, [("EWR", datetime(2013, 3, 10, 7, tzinfo=UTC), 3)])
    given = pd.DataFrame(
        {"airport": "EWR", "event_time": spring.tz_localize("UTC").tz_convert("America/New_York")}
    )
    assert values(features.store.training_frame(given, [REF])) == [None, 3]


def test_training_frame_joins_tables_versions_entities_at_once(features: FeatureLake) -> None:
    """Each with its own rule, its own entity, its own name."""
    second = declare(feature=Feature(entity=("airport",), version=2), features={"p90": pa.int32()})
    features.publish(second, [("EWR", minute(1), 90)])
    features.publish(AGED, [("EWR", minute(0), 7)])
    features.publish(
        PAIRS, [("EWR", 4, minute(0), minute(8), 5, "a"), ("EWR", 4, minute(1), minute(1), 6, "b")]
    )
    given = pa.table(
        {
            "at": pa.array([minute(9), minute(12)], pa.timestamp("us", "UTC")),
            "from": ["EWR", "EWR"],
            "number": pa.array([4, None], pa.int16()),
        }
    )
    frame = features.store.training_frame(
        given,
        [f"{REF}@1:mean", "p.features.pairs:note", f"{REF}:p90", "p.features.aged", f"{REF}@1"],
        entities={"airport": "from", "origin": "from", "flights": "number"},
        at="at",
    )
    assert frame.to_arrow().select(["delay_v1__mean", "pairs__note", "delay__p90"]).to_pylist() == [
        {"delay_v1__mean": 1, "pairs__note": "b", "delay__p90": 90},
        {"delay_v1__mean": 2, "pairs__note": None, "delay__p90": 90},
    ]
    assert values(frame, "aged__mean") == [7, None]
    assert frame.to_arrow()["delay__p90"].type == pa.int32()
    assert [(t.dataset, t.version) for t in frame.manifest.tables] == [
        ("prediction.features.delay_v1", 1),
        ("p.features.pairs_v1", 1),
        ("prediction.features.delay_v2", 2),
        ("p.features.aged_v1", 1),
    ]


def test_training_frame_takes_a_feature_set(features: FeatureLake) -> None:
    """Its short names are of its owner's team."""
    ours = FeatureSet(name="ours", features=("delay:mean",), owner="team:prediction")
    assert values(features.store.training_frame(SPINE, ours)) == RIGHT
    assert values(features.store.training_frame(SPINE, REF)) == RIGHT
    theirs = replace(ours, owner="someone@example.org")
    with pytest.raises(UnknownFeatureError, match="no team is named for `delay`"):
        features.store.training_frame(SPINE, theirs)


def test_training_frame_keeps_every_type_of_feature(features: FeatureLake) -> None:
    """What goes in comes out, nulls, lists, decimals among them."""
    kinds: dict[str, tuple[pa.DataType, Any]] = {
        "flag": (pa.bool_(), True),
        "small": (pa.int8(), -3),
        "big": (pa.uint64(), 2**64 - 1),
        "single": (pa.float32(), 0.5),
        "price": (pa.decimal128(20, 4), Decimal("12.3400")),
        "word": (pa.string(), "größer"),
        "blob": (pa.binary(), b"\0\1"),
        "day": (pa.date32(), date(2013, 1, 2)),
        "instant": (pa.timestamp("us", "UTC"), START),
        "vector": (pa.list_(pa.float64()), [0.5, 1.5]),
    }
    rich = declare("p.features.rich", features={n: k for n, (k, _) in kinds.items()})
    row = tuple(v for _, v in kinds.values())
    features.fill(rich, [("EWR", minute(0), *row), ("JFK", minute(0), *(None for _ in row))])
    frame = features.store.training_frame(SPINE, ["p.features.rich"])
    found = frame.to_arrow().select([f"rich__{n}" for n in kinds])
    assert found.schema.types == [k for k, _ in kinds.values()]
    assert tuple(found.slice(0, 1).to_pylist()[0].values()) == row
    assert set(found.slice(1, 1).to_pylist()[0].values()) == {None}
    assert (
        features.store.training_frame(SPINE, ["p.features.rich"], as_of=frame.manifest)
        .to_arrow()
        .equals(frame.to_arrow())
    )


def test_training_frame_answers_an_empty_spine(features: FeatureLake) -> None:
    """No rows in, no rows out, the columns all there."""
    frame = features.store.training_frame(SPINE[:0], [REF])
    assert frame.to_arrow().schema.names == ["airport", "event_time", "delay__mean"]
    assert (frame.to_arrow().num_rows, frame.manifest.rows) == (0, 0)
    nobody = SPINE.set_column(0, "airport", pa.nulls(6))
    assert values(features.store.training_frame(nobody, [REF])) == [None] * 6


FACTS = st.lists(
    st.tuples(
        st.sampled_from(["EWR", "JFK"]),
        st.integers(0, 2),
        st.integers(0, 30).map(minute),
        st.integers(0, 30).map(minute),
        st.integers(0, 20),
        st.none() | st.sampled_from(["a", "b"]),
    ),
    max_size=30,
)


ASKS = st.lists(
    st.tuples(
        st.none() | st.sampled_from(["EWR", "JFK", "LGA"]),
        st.none() | st.integers(0, 2),
        st.integers(0, 40).map(minute),
    ),
    max_size=25,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=FACTS, asks=ASKS, age=st.none() | st.integers(1, 20))
def test_training_frame_agrees_with_the_oracle(
    lake: Lake, facts: list[Row], asks: list[Row], age: int | None
) -> None:
    """Late facts, ties, nulls, duplicates, ages, over an entity of two columns."""
    assert PAIRS.feature is not None
    rule = replace(PAIRS.feature, max_age=None if age is None else timedelta(minutes=age))
    pairs = replace(PAIRS, feature=rule)
    features = FeatureLake(lake)
    features.fill(pairs, facts)
    kinds = [("origin", pa.string()), ("flights", pa.int32()), ("t", pa.timestamp("us", "UTC"))]
    given = pa.Table.from_pylist(
        [dict(zip(("origin", "flights", "t"), a, strict=True)) for a in asks],
        schema=pa.schema(kinds),
    )
    found = features.store.training_frame(given, ["p.features.pairs"], at="t").to_arrow()
    right = [right_answer(pairs, facts, a[:2], a[2]) or (None, None) for a in asks]
    told = zip(found["pairs__mean"].to_pylist(), found["pairs__note"].to_pylist(), strict=True)
    assert list(told) == right


def test_training_frame_never_leaks(lake: Lake) -> None:
    """Of 120,000 labelled joins none sees what was not known, each sees the newest of the rest."""
    chance = np.random.default_rng(7)
    count, asks, entities, span = 80_000, 120_000, 400, 10**6
    of, event = chance.integers(0, entities, count), chance.permutation(span)[:count]
    known = event + np.where(chance.random(count) < 0.5, 0, chance.integers(-300, 90_000, count))
    columns = {
        "airport": [f"A{n}" for n in of],
        **{
            name: pa.array(START.timestamp() * 1e6 + moment, pa.float64())
            .cast(pa.int64())
            .cast(pa.timestamp("us", "UTC"))
            for name, moment in {"event_at": event, "known_at": known}.items()
        },
        "mean": np.arange(count),
    }
    features = FeatureLake(lake)
    features.publish(LATE, pa.table(columns, schema=LATE.contract.schema))
    who, when = chance.integers(0, entities, asks), chance.integers(0, span, asks)
    at = pa.array(when + int(START.timestamp() * 1e6)).cast(pa.timestamp("us", "UTC"))
    given = pa.table({"airport": [f"A{n}" for n in who], "event_time": at})
    found = features.store.training_frame(given, ["p.features.late"]).to_arrow()["late__mean"]
    chosen = found.fill_null(-1).to_numpy()
    has = chosen >= 0
    assert has.sum() > 100_000
    assert (of[chosen[has]] == who[has]).all()
    leaks = (known[chosen[has]] > when[has]) | (event[chosen[has]] > when[has])
    assert leaks.sum() == 0
    for entity in range(entities):  # the right one: no other that was known is newer
        own, rows = np.flatnonzero(of == entity), np.flatnonzero(who == entity)
        seen = (np.maximum(event[own], known[own])[None] <= when[rows][:, None]) * 1
        newest = np.where(seen.any(1), own[(seen * (event[own] + 1)[None]).argmax(1)], -1)
        assert (newest == chosen[rows]).all()


def test_read_joins_what_the_rooms_declare(
    features: FeatureLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function that consumers import finds declarations, lake, settings by itself."""
    monkeypatch.setattr(read, "feature_tables", lambda: features.known)
    assert values(read.training_frame(SPINE, [REF])) == RIGHT
    assert values(read.training_frame(SPINE, [REF], lake=features.lake)) == RIGHT


def test_duplicates_give_one_answer_in_any_order(lake: Lake) -> None:
    """Rows alike in key, which no audit lets pass, are decided by their values."""
    features = FeatureLake(lake)
    rows: list[Row] = [("EWR", minute(0), n) for n in (4, 30, 7, 12)]
    found = []
    for order in (rows, rows[::-1], rows[2:] + rows[:2]):
        features.fill(DELAY, order)
        found.append(values(features.store.training_frame(spine(("EWR", 1)), [REF])))
    assert found == [[7], [7], [7]]


def test_as_table_is_what_the_contract_says() -> None:
    """The tests' own rows have the contract's types."""
    assert as_table(DELAY, [("EWR", START, 1)]).schema == DELAY.contract.schema
    assert DatasetName.parse("prediction.features.delay_v1") == DELAY.name
    assert table(DELAY.name) == 'lake."prediction_features"."delay_v1"'
