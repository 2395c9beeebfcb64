"""Training sets from a real lake: pinned, exact, the same again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_assets import read
from platform_assets.build.publication import Job
from platform_assets.build.restore import promote
from platform_assets.build.training import TrainingFrame
from platform_assets.build.training_manifest import Manifest
from platform_assets.declare import DatasetName, Feature, FeatureSet
from platform_assets.declare.errors import (
    TrainingSetError,
    UnknownDatasetError,
    UnknownFeatureError,
    WatermainError,
)
from resources import branch
from resources.lake import Lake, table
from tests.build.feature_lake import (
    START,
    FeatureLake,
    Row,
    as_table,
    declare,
    minute,
    right_answer,
)

REF = "prediction.features.delay"
DELAY = declare()
LATE = declare(feature=Feature(entity=("airport",), known_at="known_at"), name="p.features.late")
AGED = declare(
    feature=Feature(entity=("airport",), max_age=timedelta(minutes=10)), name="p.features.aged"
)
PAIRS = declare(
    feature=Feature(entity=("origin", "flights"), known_at="known_at"),
    name="p.features.pairs",
    features={"mean": pa.int64(), "note": pa.string()},
    numbers=("flights",),
)


@pytest.fixture
def features(lake: Lake) -> FeatureLake:
    """A lake with one feature table of three rows."""
    made = FeatureLake(lake)
    made.publish(DELAY, [("EWR", minute(0), 1), ("EWR", minute(10), 2), ("JFK", minute(5), 3)])
    return made


def spine(*rows: tuple[str | None, float], **more: Any) -> pa.Table:
    columns = {
        "airport": pa.array([r[0] for r in rows], pa.string()),
        "event_time": pa.array([minute(r[1]) for r in rows], pa.timestamp("us", "UTC")),
    }
    return pa.table({**columns, **more})


SPINE = spine(("EWR", 12), ("JFK", 4), ("EWR", 9), (None, 9), ("LGA", 9), ("EWR", 12))
RIGHT = [2, None, 1, None, None, 2]


def values(frame: TrainingFrame, label: str = "delay__mean") -> list[Any]:
    return list(frame.to_arrow()[label].to_pylist())


def ipc(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def refusal(features: FeatureLake, *args: Any, **words: Any) -> list[str]:
    """The four lines that a call is refused with."""
    with pytest.raises(WatermainError) as refused:
        features.store.training_frame(*args, **words)
    lines = str(refused.value).splitlines()
    assert len(lines) == 4
    return lines


def test_training_frame_keeps_the_spine_with_its_order(features: FeatureLake) -> None:
    """Each row once, in its order, columns of its own kept, a feature behind."""
    given = SPINE.append_column("label", pa.array(range(6)))
    frame = features.store.training_frame(given, [REF])
    assert frame.to_arrow().column_names == ["airport", "event_time", "label", "delay__mean"]
    assert frame.to_arrow().select(given.column_names).equals(given)
    assert values(frame) == RIGHT
    assert frame.to_pandas()["delay__mean"].isna().tolist() == [v is None for v in RIGHT]
    assert frame.to_ibis().count().execute() == 6


@pytest.mark.parametrize(
    "shape",
    [
        lambda t: t.to_pandas(),
        lambda t: t.to_pandas().astype({"airport": object}),
        lambda t: t.to_pandas().astype({"airport": "category"}),
        lambda t: t.to_pandas().set_index(np.arange(6) * 7),
        ibis.memtable,
        lambda t: t.set_column(0, "airport", t["airport"].cast(pa.large_string())),
        lambda t: t.set_column(0, "airport", t["airport"].cast(pa.string_view())),
        lambda t: t.set_column(0, "airport", t["airport"].dictionary_encode()),
        lambda t: pa.concat_tables([t[:2], t[2:2], t[2:]]),
        lambda t: t.combine_chunks().to_batches()[0],
        lambda t: t.to_reader(),
    ],
    ids=str,
)
def test_training_frame_takes_a_spine_in_every_shape(
    features: FeatureLake, shape: Callable[[pa.Table], Any]
) -> None:
    """The values are the same, the fingerprints, too."""
    plain = features.store.training_frame(SPINE, [REF])
    frame = features.store.training_frame(shape(SPINE), [REF])
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


def change_everything(features: FeatureLake) -> None:
    """Correct, add, publish other tables, work on a branch, let a newer version be current."""
    features.publish(DELAY, [("EWR", minute(0), 100), ("JFK", minute(0), 300)])
    second = declare(feature=Feature(entity=("airport",), version=2))
    features.publish(second, [("EWR", minute(1), 90)])
    features.publish(AGED, [("EWR", minute(0), 7)])


def test_training_frame_returns_the_same_bytes_for_its_manifest(features: FeatureLake) -> None:
    """Later publishes, corrections, versions change nothing of what is pinned."""
    first = features.store.training_frame(SPINE, [REF])
    change_everything(features)
    kept = Manifest.from_json(first.manifest.to_json())
    assert kept == first.manifest
    again = features.store.training_frame(SPINE, [REF], as_of=kept)
    assert ipc(again.to_arrow()) == ipc(first.to_arrow())
    assert again.manifest == first.manifest
    assert values(features.store.training_frame(SPINE, [REF])) == [90, None, 90, None, None, 90]


def test_training_frame_is_pinned_while_a_branch_is_promoted(features: FeatureLake) -> None:
    """What a branch published is a new snapshot, after the one that is pinned."""
    first = features.store.training_frame(SPINE, [REF])
    branch.create(features.lake, "trial")
    aside = FeatureLake(features.lake.on("trial"), features.known)
    aside.publish(DELAY, [("EWR", minute(0), 100)])
    other = aside.store.training_frame(SPINE, [REF])
    assert other.manifest.branch == "trial"
    assert values(other) == [100, None, 100, None, None, 100]
    rows = DELAY.contract.schema.empty_table()
    plain = replace(DELAY, body=lambda: rows)
    promote("trial", Job(lake=features.lake, find={DELAY.name: plain}.__getitem__))
    assert values(features.store.training_frame(SPINE, [REF])) == values(other)
    again = features.store.training_frame(SPINE, [REF], as_of=first.manifest)
    assert ipc(again.to_arrow()) == ipc(first.to_arrow())
    assert values(again) == RIGHT
    lines = refusal(features, SPINE, [REF], as_of=replace(first.manifest, branch="trial"))
    assert lines[0] == "this is another call: its branch is '', the manifest's 'trial'"


@pytest.mark.parametrize("way", ["number", "moment", "later moment", "other zone"])
def test_training_frame_reads_an_older_snapshot(features: FeatureLake, way: str) -> None:
    """By its number, by any moment at which it stood."""
    first = features.store.training_frame(SPINE, [REF]).manifest
    change_everything(features)
    stood = datetime.fromisoformat(first.snapshot_at)
    as_of: Any = {
        "number": first.snapshot,
        "moment": stood,
        "later moment": stood + timedelta(microseconds=1),
        "other zone": stood.astimezone(ZoneInfo("Asia/Kolkata")),
    }[way]
    frame = features.store.training_frame(SPINE, [f"{REF}@1"], as_of=as_of)
    assert frame.manifest.snapshot == first.snapshot
    assert values(frame, "delay_v1__mean") == RIGHT


def test_read_joins_what_the_rooms_declare(
    features: FeatureLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function that consumers import finds declarations, lake, settings by itself."""
    monkeypatch.setattr(read, "feature_tables", lambda: features.known)
    assert values(read.training_frame(SPINE, [REF])) == RIGHT
    assert values(read.training_frame(SPINE, [REF], lake=features.lake)) == RIGHT


BAD_SPINES: dict[str, tuple[Any, str, str]] = {
    "no table": ([1, 2], "the spine is a list", "give an Arrow table, a pandas DataFrame or"),
    "mixed keys": (
        pd.DataFrame({"airport": ["EWR", 3], "event_time": [START, START]}),
        "the spine is no table: ",
        "give each column one type",
    ),
    "no time column": (
        SPINE.rename_columns(["airport", "t"]),
        "the spine has no column `event_time`, the time of each row; name it in `at=`",
        "use one of `airport`, `t`",
    ),
    "no zone": (
        SPINE.set_column(1, "event_time", SPINE["event_time"].cast(pa.timestamp("us"))),
        "the spine's `event_time` is timestamp[us], no instant",
        "give it a time zone, as in `column.dt.tz_localize('America/New_York')`",
    ),
    "text for times": (
        SPINE.set_column(1, "event_time", SPINE["event_time"].cast(pa.string())),
        "the spine's `event_time` is string, no instant",
        "give it a time zone",
    ),
    "null times": (
        SPINE.set_column(1, "event_time", pa.array([None, *[START] * 5], SPINE.schema[1].type)),
        "the spine's `event_time` is null in 1 of 6 rows",
        "leave those rows out",
    ),
    "times beyond time": (
        SPINE.set_column(1, "event_time", pa.array([2**62] * 6, pa.timestamp("s", "UTC"))),
        "an instant of the spine is further off than time goes",
        "mend the time column",
    ),
    "no entity": (
        SPINE.rename_columns(["origin", "event_time"]),
        "the spine has no column `airport`, the `airport` of prediction.features.delay_v1; name it",
        "use one of `event_time`, `origin`",
    ),
    "numbers for text": (
        SPINE.set_column(0, "airport", pa.array(range(6))),
        "the spine's `airport` is int64; the `airport` of prediction.features.delay_v1 is string",
        "cast it to string",
    ),
    "a column of the label's name": (
        SPINE.append_column("delay__mean", pa.array(range(6))),
        "two columns of the result would be called `delay__mean`",
        "give the spine's column another name",
    ),
    "a column twice": (
        pa.Table.from_arrays([SPINE[0], SPINE[1], SPINE[0]], ["airport", "event_time", "airport"]),
        "two columns of the result would be called `airport`",
        "give the spine's column another name",
    ),
}


@pytest.fixture(scope="module")
def small(shared_lake: Lake) -> FeatureLake:
    """One lake for all that is refused."""
    made = FeatureLake(shared_lake)
    made.publish(DELAY, [("EWR", minute(0), 1)])
    return made


@pytest.mark.parametrize("case", BAD_SPINES)
def test_training_frame_refuses_a_spine_that_cannot_be_right(small: FeatureLake, case: str) -> None:
    """What is wrong, with names, counts, types; what is right."""
    given, what, next_step = BAD_SPINES[case]
    lines = refusal(small, given, [REF])
    assert lines[0].startswith(what)
    assert lines[2] == "  data      nothing was read"
    assert lines[3].startswith(f"  next      {next_step}")


def test_training_frame_refuses_the_future_of_its_snapshot(small: FeatureLake) -> None:
    """Of what comes after the snapshot nothing is known."""
    snapshot = small.store.training_frame(SPINE, [REF]).manifest
    edge = datetime.fromisoformat(snapshot.snapshot_at)
    kind = SPINE.schema[1].type
    at = pa.array([edge, edge + timedelta(microseconds=1), datetime(2199, 1, 1, tzinfo=UTC)], kind)
    given = pa.table({"airport": ["EWR"] * 3, "event_time": at})
    lines = refusal(small, given, [REF])
    later = (edge + timedelta(microseconds=1)).isoformat()
    assert lines[0] == (
        "2 of 3 rows have a `event_time` in the future of the snapshot, which is of "
        f"{edge.isoformat()}, such as {later}"
    )
    assert values(small.store.training_frame(given[:1], [REF])) == [1]


def test_training_frame_says_why_keys_became_floats(small: FeatureLake) -> None:
    """A pandas column of whole numbers with a gap is no longer of whole numbers."""
    numbered = declare("p.features.numbered", numbers=("airport",))
    small.publish(numbered, [(4, minute(0), 1)])
    frame = pd.DataFrame({"airport": [4, None], "event_time": [minute(1)] * 2})
    lines = refusal(small, frame, ["p.features.numbered"])
    assert lines[0] == (
        "the spine's `airport` is double; the `airport` of p.features.numbered_v1 is int64"
    )
    assert "astype('Int64')" in lines[3]
    mended = frame.astype({"airport": "Int64"})
    assert values(
        small.store.training_frame(mended, ["p.features.numbered"]), "numbered__mean"
    ) == [1, None]
    lines = refusal(small, spine(("EWR", 1)), ["p.features.numbered"])
    assert lines[0].startswith("the spine's `airport` is string; the `airport` of p.features.num")


@pytest.mark.parametrize(
    ("words", "what", "next_step"),
    [
        ({"entities": {"airprt": "airport"}}, "`airprt` is no entity of these", "map `airport`"),
        ({"entities": {"airport": "orign"}}, "the spine has no column `orign`", "use one of `ai"),
        ({"at": "t"}, "the spine has no column `t`", "use one of `airport`, `event_time`"),
        ({"as_of": 10**9}, "snapshot 1000000000 is none of what the lake still has", "use one "),
        ({"as_of": -1}, "snapshot -1 is none of what the lake still has", "use one from "),
        ({"as_of": datetime(2013, 1, 1)}, "`as_of` is 2013-01-01T00:00:00 without", "give it one"),
        (
            {"as_of": datetime(2013, 1, 1, tzinfo=UTC)},
            "snapshot 2013-01-01T00:00:00+00:00 is before what the lake still has",
            "use one from ",
        ),
        ({"as_of": "yesterday"}, "`as_of` is a str", "give the number of a snapshot, an aware"),
        ({"as_of": True}, "`as_of` is a bool", "give the number of a snapshot, an aware"),
    ],
)
def test_training_frame_refuses_words_that_mean_nothing(
    small: FeatureLake, words: dict[str, Any], what: str, next_step: str
) -> None:
    """Each with what would be right."""
    lines = refusal(small, SPINE, [REF], **words)
    assert lines[0].startswith(what)
    assert lines[3].startswith(f"  next      {next_step}")


def test_training_frame_refuses_a_table_that_the_snapshot_has_not(features: FeatureLake) -> None:
    """Declared is not published; published is not of every snapshot."""
    before = features.store.training_frame(SPINE, [REF]).manifest.snapshot
    features.add(AGED)
    lines = refusal(features, SPINE, ["p.features.aged"])
    assert lines[0] == "p.features.aged_v1 has no rows in this snapshot"
    assert lines[3] == "  next      watermain materialize p.features.aged_v1 --with-upstream"
    features.publish(AGED, [])
    assert (
        values(features.store.training_frame(SPINE, ["p.features.aged"]), "aged__mean")
        == [None] * 6
    )
    with pytest.raises(UnknownDatasetError, match="has no rows in this snapshot"):
        features.store.training_frame(SPINE, ["p.features.aged"], as_of=before)
    wider = declare(features={"mean": pa.int64(), "p90": pa.int64()})
    features.publish(wider, [("EWR", minute(0), 1, 9)])
    with pytest.raises(UnknownDatasetError, match="delay_v1 has other columns in this snapshot"):
        features.store.training_frame(SPINE, [REF], as_of=before)


def manifest_of(features: FeatureLake, **changes: Any) -> Manifest:
    return replace(features.store.training_frame(SPINE, [REF]).manifest, **changes)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ({"spine": SPINE[:5]}, "this is another call: its rows is 5, the manifest's 6"),
        ({"spine": SPINE.take([1, 0, 2, 3, 4, 5])}, "this is another call: its spine is '"),
        ({"features": [f"{REF}:mean"]}, "this is another call: its features is ('predict"),
        (
            {"entities": {"airport": "airport"}},
            "this is another call: its entities is {'airport': 'airport'}, the manifest's {}",
        ),
    ],
)
def test_manifest_refuses_another_call(
    small: FeatureLake, words: dict[str, Any], what: str
) -> None:
    """Other rows, other order, other features cannot come out the same."""
    given = {"spine": SPINE, "features": [REF], "as_of": manifest_of(small), **words}
    lines = refusal(small, given.pop("spine"), given.pop("features"), **given)
    assert lines[0].startswith(what)
    assert lines[3].startswith("  next      make the training set anew: leave `as_of=` out")


def test_manifest_refuses_a_result_that_came_out_otherwise(small: FeatureLake) -> None:
    """A lake that lost or changed its past is not believed."""
    kept = manifest_of(small, result="0" * 64)
    lines = refusal(small, SPINE, [REF], as_of=kept)
    true = small.store.training_frame(SPINE, [REF]).manifest.result
    assert lines[0] == f"the result is {true[:16]}, the manifest says 0000000000000000"
    assert lines[1] == f"  declared  the manifest of snapshot {kept.snapshot}"
    assert "`prediction.features.delay_v1` no longer holds what it held" in lines[2]


def test_manifest_refuses_an_expired_snapshot(features: FeatureLake) -> None:
    """What maintenance took away cannot be read again."""
    kept = manifest_of(features)
    change_everything(features)
    with features.lake.get_connection() as connection:
        connection.execute(f"call ducklake_expire_snapshots('lake', versions => [{kept.snapshot}])")
    lines = refusal(features, SPINE, [REF], as_of=kept)
    assert lines[0] == f"snapshot {kept.snapshot} is none of what the lake still has"
    assert lines[2] == "  data      the lake no longer has that snapshot, or never had it"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"max_age": timedelta(hours=1)}, "the rule of prediction.features.delay_v1 is `airport: "),
        ({"max_age": None, "unit": 1}, "the contract of prediction.features.delay_v1 is `"),
    ],
)
def test_manifest_refuses_a_table_that_promises_something_else(
    small: FeatureLake, change: dict[str, Any], what: str
) -> None:
    """Another rule or contract without another version would give other values."""
    kept = manifest_of(small)
    assert DELAY.feature is not None
    now = replace(DELAY, feature=replace(DELAY.feature, max_age=change["max_age"]))
    if "unit" in change:
        now = replace(DELAY, contract=replace(DELAY.contract, version="1.1.0"))
    store = replace(small.store, declared={now.name: now})
    with pytest.raises(TrainingSetError) as refused:
        store.training_frame(SPINE, [REF], as_of=kept)
    assert refused.value.what.startswith(what)
    assert refused.value.declared == DELAY.declared


def test_manifest_refuses_a_table_that_is_gone(small: FeatureLake) -> None:
    """A retired version stays declared; one that is deleted is no more."""
    store = replace(small.store, declared={})
    with pytest.raises(TrainingSetError, match="delay_v1, declared no more"):
        store.training_frame(SPINE, [REF], as_of=manifest_of(small))


def test_manifest_is_frozen_json(small: FeatureLake) -> None:
    """It is kept beside a model, read by people."""
    made = manifest_of(small)
    told = json.loads(made.to_json())
    assert told["tables"] == [
        {
            "dataset": "prediction.features.delay_v1",
            "version": 1,
            "columns": ["mean"],
            "prefix": "delay",
            "contract": DELAY.contract.hash,
            "rule": "airport: event_at, known then, max age any",
            "code": made.tables[0].code,
        }
    ]
    assert told["rows"] == 6
    assert told["features"] == [REF]
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.rows = 7  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the manifest cannot be read: Expecting value"),
        ("{}", "the manifest cannot be read: it is empty"),
        ("[]", "the manifest cannot be read: it is empty"),
        ('{"rows": 1}', "the manifest cannot be read: it has no `at`, `branch`"),
        ("[" * 100_000, "the manifest cannot be read: "),
    ],
)
def test_manifest_refuses_what_is_none(text: str, what: str) -> None:
    """A file that somebody else wrote is an error, not a crash."""
    with pytest.raises(TrainingSetError) as refused:
        Manifest.from_json(text)
    assert refused.value.what.startswith(what)


def test_manifest_refuses_another_format(small: FeatureLake) -> None:
    """A later format is not guessed at."""
    text = replace(manifest_of(small), format=2).to_json()
    with pytest.raises(TrainingSetError, match="the manifest has format 2, 1 is known"):
        Manifest.from_json(text)
    wrong = json.loads(manifest_of(small).to_json()) | {"tables": [3]}
    with pytest.raises(TrainingSetError, match="the manifest cannot be read"):
        Manifest.from_json(json.dumps(wrong))


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
