"""Signals out of a real lake's ledger, found by a process that ends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.watermain.engine.promise.promises import FEES, june, promise
from tests.watermain.observe.watch.failures import ORDERS
from watermain.declare import Slo
from watermain.declare.errors import UnreachableSystemError
from watermain.engine.promise.written import written
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.last_good import FOLDER, FORMAT
from watermain.lake import ledger
from watermain.lake.drifted import Drifted, remember_drift
from watermain.lake.lake import Lake
from watermain.observe.watch.asked import (
    LEDGER,
    LEDGER_PROMISES,
    AskedWatching,
    LookAnswer,
    LookQuestion,
)
from watermain.observe.watch.changes import LatestChanges

NOW = june(30, 8)
HOUR = timedelta(hours=1)
PUBLISH = ledger.PublishRow(
    dataset=str(FEES),
    partition="",
    data_version="a",
    code_version="b",
    contract_version="1.0.0",
    contract_hash="c",
    rows_in=1,
    rows_out=1000,
    bytes=1000,
    seconds=10,
    peak_memory=1,
    input_snapshot=0,
    epoch=1,
    run_id="a run",
    published_at=NOW,
)
BATCH = ledger.BatchRow(
    stream=str(ORDERS),
    shard="0",
    from_position="",
    to_position="1",
    batch_id="a",
    rows=900,
    quarantined=0,
    content_hash="c",
    contract_version="1.0.0",
    epoch=1,
    run_id="stream:1",
    committed_at=NOW - timedelta(minutes=5),
    rows_in=1000,
    repeated=100,
)


def _dataset(name: str, promised: object, source: str | None) -> dict[str, Any]:
    cadence = {"every": "Daily", "zone": "UTC", "start": "2026-01-01"}
    return {
        "name": name,
        "inputs": {},
        "source": source,
        "promised": promised,
        "promise": {
            "team": {"name": "team:billing"},
            "schema": [{"properties": [{"name": "order_id"}]}],
            "customProperties": [{"property": "cadence", "value": cadence}],
        },
    }


@pytest.fixture
def platform(lake: Lake, home: Path) -> Lake:
    """A lake with eight weeks of fees, the last day too small, too slow, and what streams gave."""
    (home / FOLDER).mkdir()
    promised = written(replace(promise(Slo(ready_within=timedelta(hours=2)))))
    said = [_dataset(str(FEES), promised, None), _dataset(str(ORDERS), None, "kafka")]
    told = {"format": FORMAT, "datasets": said}
    (home / FOLDER / f"{teams()[0]}.json").write_text(json.dumps(told))
    last = date(2026, 6, 29)
    rows = [
        replace(
            PUBLISH,
            partition=str(last - timedelta(days=ago)),
            published_at=NOW - timedelta(days=ago, hours=7),
        )
        for ago in range(1, 57)
    ]
    rows += [replace(rows[0], partition=str(last), rows_out=400, seconds=60, published_at=NOW)]
    with lake.get_connection() as connection:
        ledger.append(connection, rows)
        ledger.append(connection, [replace(BATCH, committed_at=june(2)), BATCH])
        seen = [
            Drifted(str(ORDERS), n, "evolved", "", "", "", "", 1, "", "", june(29)) for n in "ab"
        ]
        known = seen[0]._replace(column_name="order_id")
        always = seen[0]._replace(column_name="from the first batch on", seen_at=june(1))
        remember_drift(connection, [*seen, known, always])
    return lake


def _watching(lake: Lake, home: Path) -> AskedWatching:
    changes = LatestChanges(lake.dsn, lambda: home, lambda: home)
    return AskedWatching("ledger", LEDGER, LEDGER_PROMISES, changes.commits)


def test_what_the_ledger_tells_becomes_signals(platform: Lake, home: Path) -> None:
    """Each failure once, by its dataset; what is known to be well is judged as well."""
    looked = _watching(platform, home).look(NOW)
    found = {(str(s.dataset), s.promise): (s.severity, s.told) for s in looked.signals}
    assert found == {
        (str(FEES), "completeness"): (
            "page",
            "2026-06-29 has 400 rows, expected 800 to 1,036 (typical 1,000, of 8 same weekdays and"
            " 56 days); a drop of 20% is noticed",
        ),
        (str(FEES), "skew"): (
            "ticket",
            "2026-06-29 took 60 s to publish, its siblings 10.0 s; its rows are 0.4x as many",
        ),
        (str(ORDERS), "duplicate_rate"): (
            "ticket",
            "100 of 1,000 rows in the last hour of its stream stand in raw already (10%)",
        ),
        (str(ORDERS), "drift"): ("ticket", "its source shows `a`, `b`, kept as evolved"),
    }
    assert set(looked.judged) == LEDGER_PROMISES
    assert looked.is_judged("completeness", FEES)
    assert looked.is_judged("cost", FEES)


def test_lake_is_asked_again_only_when_it_has_changed(
    platform: Lake, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a quarter of an hour later, since days end; a lake that is away judges nothing."""
    watching, asked = _watching(platform, home), list[datetime]()
    real = watching._asked

    def counted(question: LookQuestion) -> LookAnswer:
        asked.append(question.at)
        return real(question)

    monkeypatch.setattr(watching, "_asked", counted)
    first = watching.look(NOW)
    assert watching.look(NOW + timedelta(minutes=1)) is first
    with platform.get_connection() as connection:
        good = replace(PUBLISH, partition="2026-06-29", epoch=2, rows_out=990)
        ledger.append(connection, [good])
    second = watching.look(NOW + timedelta(minutes=2))
    assert {each.promise for each in second.signals} == {"duplicate_rate", "drift"}
    watching.look(NOW + timedelta(minutes=17))
    assert len(asked) == 3
    monkeypatch.setenv("WATERMAIN_POSTGRES", "host=127.0.0.1 port=1 dbname=x connect_timeout=1")
    with pytest.raises(UnreachableSystemError, match="does not answer"):
        watching.look(NOW + timedelta(minutes=40))


def test_only_what_the_lake_moved_is_looked_at_again(
    platform: Lake, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else stands as it did; what rooms declare anew, or time, has everything looked at."""
    watching, asked = _watching(platform, home), list[LookQuestion]()
    real = watching._asked

    def noted(question: LookQuestion) -> LookAnswer:
        asked.append(question)
        return real(question)

    monkeypatch.setattr(watching, "_asked", noted)
    first = watching.look(NOW)
    with platform.get_connection() as connection:
        present = platform.snapshot(connection)
        quiet = replace(BATCH, from_position="1", to_position="2", batch_id="b", repeated=0)
        ledger.append(connection, [replace(quiet, rows=1000, committed_at=NOW + HOUR * 2)])
    second = watching.look(NOW + timedelta(minutes=2))
    (_, question) = asked
    assert question.since == present
    assert {each.promise for each in first.signals} == {
        *("completeness", "skew", "duplicate_rate", "drift")
    }
    assert {each.promise for each in second.signals} == {"completeness", "skew", "drift"}
    assert [s for s in second.signals if s.dataset == FEES] == [
        s for s in first.signals if s.dataset == FEES
    ]
    assert second.is_judged("completeness", FEES)
    assert second.is_judged("duplicate_rate", ORDERS)
    assert watching.look(NOW + timedelta(minutes=3)) is second
    watching.look(NOW + timedelta(minutes=16))
    room = next((home / FOLDER).iterdir())
    room.write_text(room.read_text() + " ")
    watching.look(NOW + timedelta(minutes=17))
    assert [each.since for each in asked[2:]] == [None, None]
