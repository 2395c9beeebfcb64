"""Training sets that could not be right are refused, with what would be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from tests.watermain.engine.feature_lake import (
    START,
    FeatureLake,
    declare,
    minute,
)
from tests.watermain.engine.training_case import (
    AGED,
    REF,
    SPINE,
    refusal,
    spine,
    values,
)
from watermain.declare.errors import (
    UnknownDatasetError,
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
