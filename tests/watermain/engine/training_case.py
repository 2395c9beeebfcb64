"""Feature tables, a spine with its right answers, for the tests of training sets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from tests.watermain.engine.feature_lake import (
    FeatureLake,
    declare,
    minute,
)
from watermain.declare import Feature
from watermain.declare.errors import (
    WatermainError,
)
from watermain.engine.feature.training import TrainingFrame

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


def refusal(features: FeatureLake, *args: Any, **words: Any) -> list[str]:
    """The four lines that a call is refused with."""
    with pytest.raises(WatermainError) as refused:
        features.store.training_frame(*args, **words)
    lines = str(refused.value).splitlines()
    assert len(lines) == 4
    return lines
