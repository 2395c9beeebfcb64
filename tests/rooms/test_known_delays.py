"""Training rows beside the online store, while a day's messages come in one after the other."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from platform_assets.operations.curated import movements, timetable
from platform_assets.prediction import curated, features
from watermain.clock import FixedClock
from watermain.declare import Dataset
from watermain.engine.feature.online import push
from watermain.engine.feature.training import OfflineStore
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake
from watermain.online.opening import open_store
from watermain.online.protocol import OnlineStore
from watermain.settings import Settings

pytestmark = pytest.mark.slow
DAY = date(2013, 1, 9)
MORNING = datetime(2013, 1, 9, 11, tzinfo=UTC)
FLIGHTS, INSTANTS, STEPS = 120, 100, 4
COMPUTED = (curated.departures, features.airport_delay, features.route_delay, features.congestion)
KNOWN = {d.name: d for d in (movements, timetable, *COMPUTED)}
Row = dict[str, Any]


def drawn(seed: int) -> tuple[list[Row], list[Row]]:
    """A day's movements and timetable: some heard by hours late, some delays told anew."""
    draw, moves, tables = random.Random(seed), [], []
    for number in range(FLIGHTS):
        flight, route = f"f{number}", (draw.choice(["JFK", "LGA"]), draw.choice(["LAX", "BOS"]))
        left = MORNING + timedelta(minutes=draw.randrange(12 * 60))
        scheduled = left - timedelta(minutes=draw.randrange(-10, 60))
        for kind, at in (("gate_out", left), ("take_off", left + timedelta(minutes=15))):
            late = draw.choice([5, 5, 5, 20, 90, 900, 7000])
            moves.append(
                {
                    "flight_id": flight,
                    "kind": kind,
                    "carrier": "UA",
                    "tail_number": f"N{number % 7}",
                    "airport": route[0],
                    "happened_at": at,
                    "phase_minutes": None if kind == "gate_out" else 15,
                    "heard_after_seconds": late,
                    "heard_at": at + timedelta(seconds=late, microseconds=7),
                }
            )
        told = [left - timedelta(hours=20)]
        if draw.random() < 0.3:
            told.append(left + timedelta(minutes=draw.randrange(-30, 200)))
        for nth, known in enumerate(told):
            tables.append(
                {
                    "flight_id": flight,
                    "origin": route[0],
                    "destination": route[1],
                    "scheduled_departure_at": scheduled + timedelta(minutes=5 * nth),
                    "known_at": known,
                    "superseded_at": told[nth + 1] if nth + 1 < len(told) else None,
                }
            )
    return moves, tables


def until(rows: list[Row], now: datetime, heard: str) -> list[Row]:
    """What has been heard by now; of what ends later nobody knows yet that it ends."""
    return [
        r | ({"superseded_at": None} if r.get("superseded_at") and r["superseded_at"] > now else {})
        for r in rows
        if r[heard] <= now
    ]


def give(lake: Lake, dataset: Dataset, rows: list[Row]) -> None:
    """Publish rows as a dataset, whatever its body would say."""
    given = pa.Table.from_pylist(rows, schema=dataset.contract.schema)
    compute(lake, replace(dataset, inputs={}, needs={}, body=lambda: given), rebuild=True)


def compute(lake: Lake, dataset: Dataset, *, rebuild: bool = False) -> None:
    """Publish the day."""
    assert dataset.cadence is not None
    job = Job(lake=lake, find=(KNOWN | {dataset.name: dataset}).__getitem__, rebuild=rebuild)
    publish(dataset, Span(dataset.cadence, str(DAY), str(DAY)), job).refuse_blocked()


@contextmanager
def online(folder: Path) -> Iterator[OnlineStore]:
    """The embedded online store."""
    with open_store(Settings(data_dir=folder), FixedClock(MORNING)) as store:
        yield store


def answer(store: OnlineStore, table: Dataset, *entity: str) -> tuple[Any, Any] | None:
    """What the store says of an entity: the event, the features."""
    key = json.dumps(list(entity), separators=(",", ":")).encode()
    (found,) = store.get([(str(table.name), key)])
    return None if found is None else (found[0], json.loads(found[1]))


def asked() -> list[tuple[Dataset, tuple[str, ...]]]:
    """Every question."""
    airports = [
        (t, (a,)) for t in (features.airport_delay, features.congestion) for a in ("JFK", "LGA")
    ]
    routes = [(features.route_delay, (o, d)) for o in ("JFK", "LGA") for d in ("LAX", "BOS")]
    return [*airports, *routes]


def frame(lake: Lake, table: Dataset, pairs: list[tuple[tuple[str, ...], datetime]]) -> list[Row]:
    """The training rows for entities at instants."""
    assert table.feature is not None
    names = table.feature.entity
    spine = pa.table(
        {
            **{n: [entity[i] for entity, _ in pairs] for i, n in enumerate(names)},
            "event_time": pa.array([at for _, at in pairs], pa.timestamp("us", "UTC")),
        }
    )
    plain = replace(table, feature=replace(table.feature, max_age=None))
    store = OfflineStore(lake, {plain.name: plain})
    rows = store.training_frame(spine, [str(table.name).rpartition("_v")[0]]).to_arrow()
    named = rows.rename_columns([n.rpartition("__")[2] for n in rows.column_names])
    return named.select(list(table.feature.columns(table.contract))).to_pylist()


def test_training_rows_are_what_the_online_store_answered(lake: Lake, tmp_path: Path) -> None:
    """Every entity is asked while the day comes in, none answered otherwise afterwards."""
    moves, tables = drawn(2013)
    draw = random.Random(7)
    ends = sorted(draw.uniform(0, 15 * 3600) for _ in range(STEPS))
    said: list[tuple[Dataset, tuple[str, ...], datetime, tuple[Any, Any] | None]] = []
    with online(tmp_path) as store:
        for seconds in ends:
            now = MORNING + timedelta(seconds=seconds)
            give(lake, movements, until(moves, now, "heard_at"))
            give(lake, timetable, until(tables, now, "known_at"))
            for dataset in COMPUTED:
                compute(lake, dataset)
            for table in COMPUTED[1:]:
                push(table, lake, store, now)
            said += [(t, entity, now, answer(store, t, *entity)) for t, entity in asked()]
    give(lake, movements, moves)
    give(lake, timetable, tables)
    for dataset in COMPUTED:
        compute(lake, dataset)
    compare(lake, said)
    assert len({(t.name, e, now) for t, e, now, _ in said}) == STEPS * len(asked())
    assert sum(a is not None for *_, a in said) > STEPS * len(asked()) * 0.8


def test_training_rows_are_what_the_store_says_at_random_instants(
    lake: Lake, tmp_path: Path
) -> None:
    """Each instant's push makes due what became known since; the frame says the same."""
    moves, tables = drawn(1)
    give(lake, movements, moves)
    give(lake, timetable, tables)
    for dataset in COMPUTED[:2]:
        compute(lake, dataset)
    draw, table = random.Random(11), features.airport_delay
    said: list[tuple[Dataset, tuple[str, ...], datetime, tuple[Any, Any] | None]] = []
    with online(tmp_path) as store:
        for seconds in sorted(draw.uniform(0, 15 * 3600) for _ in range(INSTANTS)):
            now, airport = MORNING + timedelta(seconds=seconds), draw.choice(["JFK", "LGA"])
            push(table, lake, store, now)
            said.append((table, (airport,), now, answer(store, table, airport)))
    compare(lake, said)
    assert len(said) == INSTANTS


def compare(
    lake: Lake, said: list[tuple[Dataset, tuple[str, ...], datetime, tuple[Any, Any] | None]]
) -> None:
    """Hold what was said against the training frame."""
    for table in {t.name: t for t, *_ in said}.values():
        of = [(entity, now, told) for t, entity, now, told in said if t is table]
        rows = frame(lake, table, [(entity, now) for entity, now, _ in of])
        for (entity, now, told), row in zip(of, rows, strict=True):
            right = dict.fromkeys(row) if told is None else told[1]
            assert row == pytest.approx(right, nan_ok=True), (str(table.name), entity, now)
