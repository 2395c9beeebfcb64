"""REST endpoints with webhooks, captured into a real lake exactly once."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import ibis
import pyarrow as pa
import pytest

from tests.watermain.source.web_kinds import SECRET, signed
from tests.watermain.source.web_server import ThingsApi, served
from watermain import failpoint
from watermain.clock import FixedClock
from watermain.declare import (
    ByCursor,
    Column,
    Contract,
    Daily,
    Dataset,
    Increment,
    Rest,
    Webhook,
    latest_delivery,
    raw,
)
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publish import Job
from watermain.lake.lake import Lake, table
from watermain.settings import load_settings
from watermain.source.opening import open_source
from watermain.source.outside import Outside
from watermain.source.rest.rest import RestSource
from watermain.source.webhook.segments import EventStore
from watermain.source.webhook.webhook_server import endpoint

BEGIN = datetime(2013, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CONTRACT = Contract(
    grain="one row per version of a reading",
    key=("id",),
    event_time="at",
    columns=(
        Column("id", pa.string(), "the reading"),
        Column("at", pa.timestamp("us", "UTC"), "when"),
        Column("amount", pa.decimal128(38, 18), "how much, exactly"),
    ),
)
WORDS: dict[str, Any] = {
    "contract": CONTRACT,
    "cadence": Daily(start=date(2013, 1, 1)),
    "owner": "team:weather",
}
readings = raw(
    "weather.raw.readings",
    source=Rest(
        connection="api",
        path="/things",
        records="data.items",
        total="meta.total",
        pages=ByCursor(next="meta.next"),
        rate=1000,
        window=Increment(
            since="since", until="until", start=BEGIN, every=timedelta(hours=1), overlap=DAY
        ),
    ),
    **WORDS,
)
alarms = raw(
    "weather.raw.alarms",
    source=Webhook(path="/hooks/alarms", scheme="watermain", secret="env:HOOK_SECRET"),
    **WORDS,
)
KNOWN = {d.name: d for d in (readings, alarms)}
EXACT = "12345678901234567890.123456789012345678"


def reading(number: int, hour: int, amount: str = EXACT) -> tuple[str, str]:
    """A reading with the instant it was made."""
    at = (BEGIN + timedelta(hours=hour)).isoformat().replace("+00:00", "Z")
    return at, f'{{"id": {number}, "at": "{at}", "amount": {amount}}}'


def job(lake: Lake) -> Job:
    """The way a run captures."""
    return Job(lake=lake, find=KNOWN.__getitem__)


def held(lake: Lake, dataset: Dataset, columns: str = "id, amount") -> list[tuple]:
    """What the lake holds of a dataset."""
    return asked(lake, f"select {columns} from {table(dataset.name)} order by id::int, amount")


def asked(lake: Lake, query: str) -> list[tuple]:
    """The rows of a query."""
    with lake.get_connection() as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThingsApi]:
    """An endpoint whose address the platform knows, part of it by a reference."""
    made = ThingsApi()
    with served(made.app) as address:
        monkeypatch.setenv("API_PLACE", address + "/v1")
        monkeypatch.setenv("WATERMAIN_SOURCE_API", "env:API_PLACE")
        yield made


def opened(hours: int) -> RestSource:
    """The declared source, some hours after it began."""
    source = open_source(readings, load_settings(), {})
    assert isinstance(source, RestSource)
    source.access = replace(source.access, clock=FixedClock(BEGIN + timedelta(hours=hours)))
    return source


def test_rest_reaches_the_lake_in_declared_types(lake: Lake, api: ThingsApi) -> None:
    """Digits are kept, what does not fit is put aside, the ledger knows where we stand."""
    for each in [reading(1, 0), reading(2, 0, "0.1"), reading(3, 1), reading(4, 1, '"much"')]:
        api.add(*each)
    api.add("2013-01-01T00:30:00Z", "[1]")
    done = capture(readings, job(lake), source=opened(2))
    assert held(lake, readings) == [
        ("1", Decimal(EXACT)),
        ("2", Decimal("0.1")),
        ("3", Decimal(EXACT)),
    ]
    assert [outcome.partition for outcome in done.outcomes] == ["2013-01-01"]
    batches = asked(
        lake,
        "select shard, split_part(to_position, '#', 1), rows, quarantined"
        " from lake.upkeep_raw.batches order by 2",
    )
    assert batches == [
        ("rest", "2013-01-01T01:00:00Z", 2, 1),
        ("rest", "2013-01-01T02:00:00Z", 1, 1),
    ]
    reasons = asked(lake, "select reason from lake.upkeep_raw.quarantine order by 1")
    assert reasons == [("`amount` is not decimal128(38, 18)",), ("it is no object",)]


@pytest.mark.parametrize("lost", [False, True], ids=["memory", "lake"])
def test_rest_doubles_nothing_in_the_lake(
    lost: bool, lake: Lake, home: Path, api: ThingsApi
) -> None:
    """Rows, rejected rows, late rows: each once, also when the scratch folder is lost."""
    api.add(*reading(1, 0))
    api.add(*reading(2, 0, '"much"'))
    api.add("2013-01-01T00:30:00Z", "[1]")
    for hours in range(1, 6):
        capture(readings, job(lake), source=opened(hours))
        api.add(*reading(10 + hours, hours - 1))
        if lost:
            shutil.rmtree(home / "scratch")
    capture(readings, job(lake), source=opened(6))
    assert [row[0] for row in held(lake, readings)] == ["1", "11", "12", "13", "14", "15"]
    assert asked(lake, "select count(*) from lake.upkeep_raw.quarantine") == [(2,)]
    positions = asked(lake, "select to_position from lake.upkeep_raw.batches order by 1")
    assert len(positions) == 6


def test_latest_delivery_keeps_the_newest_version(lake: Lake, api: ThingsApi) -> None:
    """A corrected reading is a new row of raw, the only one of curated."""
    api.add(*reading(1, 0, "1"))
    capture(readings, job(lake), source=opened(1))
    api.things[0] = reading(1, 0, "2")
    capture(readings, job(lake), source=opened(2))
    assert [row[1] for row in held(lake, readings)] == [1, 2]
    with lake.get_connection() as connection:
        found = ibis.memtable(
            connection.execute(f"select * from {table(readings.name)}").to_arrow_table()
        )
    assert latest_delivery(found, "id").amount.to_list() == [2]


POINTS = [
    "ingest.before_transaction",
    "ingest.after_rows_before_ledger",
    "ingest.after_ledger_before_commit",
    "ingest.after_commit",
    "ingest.before_acknowledge",
]


@pytest.fixture
def broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first capture break at a point."""
    monkeypatch.setattr(failpoint, "_HIT", {})
    monkeypatch.setenv("WATERMAIN_FAILPOINT", f"{request.param}=raise:2")


@pytest.mark.parametrize("broken", POINTS, indirect=True)
@pytest.mark.usefixtures("broken")
def test_rest_is_captured_once_wherever_a_run_breaks(lake: Lake, api: ThingsApi) -> None:
    """The next run goes on where the ledger stands."""
    for number in range(4):
        api.add(*reading(number, number))
    with pytest.raises(RuntimeError, match="failpoint"):
        capture(readings, job(lake), source=opened(4))
    capture(readings, job(lake), source=opened(4))
    assert [row[0] for row in held(lake, readings)] == ["0", "1", "2", "3"]


@pytest.fixture
def hooks(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The endpoint of our webhooks, its secret in a variable."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("WATERMAIN_BATCH_ROWS", "2")
    with served(endpoint([alarms, readings], Outside(load_settings()))) as address:
        yield address + "/hooks/alarms"


def send(address: str, *numbers: int) -> None:
    """Send readings as events of one each."""
    for number in numbers:
        body = reading(number, number)[1].encode()
        headers = signed(body, f"key-{number}", SECRET, int(time.time()))
        answer = httpx.post(
            address, content=body, headers=headers, trust_env=False, verify=False, timeout=60
        )
        assert answer.status_code == 202


def test_webhook_reaches_the_lake_in_declared_types(lake: Lake, hooks: str, home: Path) -> None:
    """Events sent again are there once; the ledger counts them."""
    send(hooks, 1, 2, 3, 1, 2)
    capture(alarms, job(lake))
    send(hooks, 3, 4)
    capture(alarms, job(lake))
    assert held(lake, alarms, "id, amount, _event, _sequence") == [
        (str(n), Decimal(EXACT), f"key-{n}", n - 1) for n in (1, 2, 3, 4)
    ]
    batches = asked(
        lake, "select from_position, to_position, rows from lake.upkeep_raw.batches order by 2"
    )
    assert batches == [("", "2", 2), ("2", "3", 1), ("3", "4", 1)]
    assert EventStore(home / "inbox" / "weather.raw.alarms").end() == 4
    assert open_source(alarms, load_settings(), {}).backlog().is_empty


@pytest.mark.parametrize("broken", POINTS, indirect=True)
@pytest.mark.usefixtures("broken")
def test_webhook_is_captured_once_wherever_a_run_breaks(lake: Lake, hooks: str) -> None:
    """The next run goes on where the ledger stands."""
    send(hooks, 1, 2, 3, 4, 5)
    with pytest.raises(RuntimeError, match="failpoint"):
        capture(alarms, job(lake))
    capture(alarms, job(lake))
    assert [row[0] for row in held(lake, alarms)] == ["1", "2", "3", "4", "5"]


def test_webhook_puts_unfit_events_aside(lake: Lake, hooks: str) -> None:
    """What is no JSON, what does not fit its column, what has no key."""
    bodies = [b"{", b'{"id": 1, "at": "noon"}', b'{"at": "2013-01-01T00:00:00Z"}']
    for number, body in enumerate(bodies):
        headers = signed(body, f"key-{number}", SECRET, int(time.time()))
        httpx.post(hooks, content=body, headers=headers, trust_env=False, verify=False, timeout=60)
    capture(alarms, job(lake))
    assert held(lake, alarms) == []
    found = asked(lake, "select position, reason from lake.upkeep_raw.quarantine order by 2")
    assert found == [
        ("1", "`at` is not timestamp[us, tz=UTC]"),
        ("1", "`id` is null"),
        ("0/1", "it is no JSON"),
    ]
