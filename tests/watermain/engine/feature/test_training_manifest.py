"""Training sets of a manifest are the same again, or refused."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from tests.watermain.engine.feature_lake import (
    FeatureLake,
    declare,
    minute,
)
from tests.watermain.engine.training_case import (
    AGED,
    DELAY,
    REF,
    RIGHT,
    SPINE,
    refusal,
    values,
)
from watermain.declare import Feature
from watermain.declare.errors import (
    TrainingSetError,
)
from watermain.engine.feature.training_manifest import Manifest
from watermain.engine.publish.publication import Job
from watermain.engine.publish.restore import promote
from watermain.lake import branch


def ipc(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


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
