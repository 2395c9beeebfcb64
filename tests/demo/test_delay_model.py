"""The demo's model: the same frame, the same trees; a leak flatters."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from demo import delay_model
from demo.training import LEAK
from platform_assets.operations.curated import flights
from platform_assets.prediction import features
from tests.rooms.test_prediction import departed
from watermain.declare import Daily, Dataset
from watermain.declare.errors import TrainingSetError
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake

pytestmark = pytest.mark.slow
FIRST, LAST = date(2013, 1, 2), date(2013, 1, 8)
ROLLING = (
    features.airport_delay,
    features.carrier_delay,
    features.aircraft_delay,
    features.route_delay,
)


def give(lake: Lake, dataset: Dataset, rows: pa.Table) -> None:
    """Publish rows as a dataset, whatever its body would say."""
    fitting = rows.select(dataset.contract.schema.names).cast(dataset.contract.schema)

    def body() -> pa.Table:
        return fitting

    assert isinstance(dataset.cadence, Daily)
    span = Span(dataset.cadence, "2013-01-01", "2013-01-12")
    plain = replace(dataset, inputs={}, needs={}, body=body)
    job = Job(lake=lake, find={dataset.name: dataset}.__getitem__, rebuild=True)
    publish(plain, span, job).refuse_blocked()


def legs(facts: pd.DataFrame) -> pa.Table:
    """The flights of the departures, as the operations room has them."""
    delay = pd.to_timedelta(facts["delay_minutes"], unit="m")
    rows = facts.assign(
        flight_id=[f"leg {n}" for n in range(len(facts))],
        flight_number=1,
        scheduled_departure_at=facts["departed_at"] - delay,
        departure_delay_minutes=facts["delay_minutes"].astype(int),
        arrival_delay_minutes=0,
        air_time_minutes=100,
        distance_miles=1000,
        status="arrived",
        recorded_on=FIRST,
    )
    return pa.Table.from_pandas(rows, preserve_index=False)


@pytest.fixture
def world(lake: Lake) -> Lake:
    """Ten days of real departures with the features that follow from them."""
    facts = departed()
    give(lake, flights, legs(facts))
    given = ibis.memtable(facts)
    for dataset in ROLLING:
        give(lake, dataset, dataset(given).to_pyarrow())
    congestion = features.congestion
    give(lake, congestion, congestion.contract.schema.empty_table())
    return lake


def test_model_is_the_same_again_while_a_leak_flatters(world: Lake, tmp_path: Path) -> None:
    """From the manifest on disk: the same area under the curve, though the lake moved on."""
    spine = delay_model.flights(FIRST, LAST, lake=world)
    honest = delay_model.train(spine, lake=world)
    leaky = delay_model.train(delay_model.flights(FIRST, LAST, seen=LEAK, lake=world), lake=world)
    assert 0.55 < honest.auc < leaky.auc - 0.1
    assert honest.learnt + honest.judged == spine.num_rows
    kept = tmp_path / "models" / "delay.json"
    delay_model.save(honest.manifest, kept)
    give(world, features.airport_delay, features.airport_delay.contract.schema.empty_table())
    pinned = delay_model.load(kept)
    then = delay_model.flights(FIRST, LAST, snapshot=pinned.snapshot, lake=world)
    again = delay_model.train(then, as_of=pinned, lake=world)
    assert again.auc == honest.auc
    assert delay_model.told(again) == delay_model.told(honest)
    other = delay_model.flights(FIRST, LAST + timedelta(days=1), lake=world)
    with pytest.raises(TrainingSetError):
        delay_model.train(other, as_of=pinned, lake=world)


def test_prediction_is_made_before_the_departure(world: Lake) -> None:
    """An hour before, by the timetable; only flights whose delay is known."""
    spine = delay_model.flights(FIRST, LAST, lake=world).to_pandas()
    early = spine["scheduled_departure_at"] - spine["predicted_at"]
    assert set(early) == {pd.Timedelta(hours=1)}
    assert spine["is_late"].mean() == pytest.approx(0.2, abs=0.1)
