"""What a training set refuses: spines, words, manifests that cannot be right."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from platform_assets.build.training_manifest import Manifest
from platform_assets.declare.errors import (
    TrainingSetError,
    UnknownDatasetError,
)
from resources.lake import Lake
from tests.build.feature_lake import (
    DELAY,
    START,
    FeatureLake,
    declare,
    minute,
    refusal,
)
from tests.build.test_training import (
    AGED,
    REF,
    SPINE,
    change_everything,
    spine,
    values,
)

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
