"""A model of departure delays, trained on what was known an hour before each departure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from watermain import read

if TYPE_CHECKING:
    from watermain.engine.feature.training_manifest import Manifest
    from watermain.lake.lake import Lake

ROOM = "prediction.features"
TABLES = ("airport_delay", "carrier_delay", "aircraft_delay", "route_delay", "congestion")
FEATURES = tuple(f"{ROOM}.{t}" for t in TABLES)
ENTITIES = {"airport": "origin"}
HORIZON = timedelta(hours=1)
LATE_MINUTES = 15
LEARNT_SHARE = 0.75  # of the flights, which are the earliest; the rest judges
SEED = 2013
SPINE = """
select flight_id, carrier, origin, destination, tail_number,
    scheduled_departure_at, scheduled_departure_at + interval '{minutes} minutes' as predicted_at,
    distance_miles, departure_delay_minutes > {late} as is_late
from operations.curated.flights
where departure_delay_minutes is not null and scheduled_departure_at >= timestamptz '{first}'
    and scheduled_departure_at < timestamptz '{end}'
order by scheduled_departure_at, flight_id
"""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What a training came to: how well it ranks flights it never saw, and from which frame.

    Units: `auc` is the area under the ROC curve, 0.5 for guessing.
    """

    auc: float
    learnt: int
    judged: int
    manifest: Manifest


def flights(
    first: date,
    last: date,
    *,
    seen: timedelta = -HORIZON,
    snapshot: int | None = None,
    lake: Lake | None = None,
) -> pa.Table:
    """The spine: flights scheduled between two UTC days, and when the delay of each is foretold.

    Units: `seen` is the moment of the prediction after the scheduled departure, negative before.
    """
    sql = SPINE.format(
        minutes=int(seen.total_seconds() // 60),
        late=LATE_MINUTES,
        first=datetime(first.year, first.month, first.day, tzinfo=UTC).isoformat(),
        end=(datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)).isoformat(),
    )
    return read.query(sql, snapshot=snapshot, lake=lake).rows


def train(
    spine: pa.Table, *, as_of: Manifest | int | None = None, lake: Lake | None = None
) -> Lesson:
    """Learn from the earlier flights which of the later ones left more than 15 minutes late.

    Guarantees: the same frame gives the same trees and thus the same AUC.
    """
    frame = read.training_frame(
        spine, FEATURES, entities=ENTITIES, at="predicted_at", as_of=as_of, lake=lake
    )
    rows = frame.to_arrow()
    inputs, late = _inputs(rows), np.asarray(rows["is_late"]).astype(bool)
    cut = int(len(late) * LEARNT_SHARE)
    inputs = inputs[:, ~np.isnan(inputs[:cut]).all(axis=0)]  # nothing is learnt from nothing
    model = HistGradientBoostingClassifier(random_state=SEED, max_iter=100)
    with threadpool_limits(1):  # threads that wait for each other lose more than they win
        model.fit(inputs[:cut], late[:cut])
        chances = model.predict_proba(inputs[cut:])[:, 1]
    return Lesson(
        auc=float(roc_auc_score(late[cut:], chances)),
        learnt=cut,
        judged=len(late) - cut,
        manifest=frame.manifest,
    )


def _inputs(rows: pa.Table) -> npt.NDArray[np.float64]:
    """Every feature, the flight's distance and its hour, each a float, NaN where none is known."""
    names = [n for n in rows.column_names if "__" in n]
    columns = [rows[n].cast(pa.float64()).to_numpy(zero_copy_only=False) for n in names]
    columns.append(rows["distance_miles"].cast(pa.float64()).to_numpy(zero_copy_only=False))
    scheduled = rows["scheduled_departure_at"].cast(pa.timestamp("us")).to_numpy()
    hours = scheduled.astype("datetime64[h]").astype(np.int64) % 24
    return np.column_stack([*columns, hours.astype(np.float64)])


def save(manifest: Manifest, path: Path) -> None:
    """Write down what a model was trained from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(manifest.to_json() + "\n", encoding="utf-8")


def load(path: Path) -> Manifest:
    """Read back what a model was trained from."""
    from watermain.engine.feature.training_manifest import Manifest

    return Manifest.from_json(path.read_text(encoding="utf-8"))


def told(lesson: Lesson) -> dict[str, object]:
    """The lesson as facts."""
    return {
        "auc": round(lesson.auc, 6),
        "learnt": lesson.learnt,
        "judged": lesson.judged,
        "snapshot": lesson.manifest.snapshot,
        "frame": json.loads(lesson.manifest.to_json())["result"],
    }
