"""The ledger of a real lake, asked in a process that ends."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.watermain.engine.promise.promises import june
from watermain.clock import micros
from watermain.console import asked
from watermain.console.asked import AskedLedger, LedgerAnswer, of_ledger
from watermain.declare.errors import UnreachableSystemError
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.settings import load_settings

NOW = june(20, 12)
FEES, RAW = "billing.curated.fees", "billing.raw.fees"
RUN = "237ef447-43dd-41f4-8b9d-483f271b7806"


def publish(partition: str, at: datetime, epoch: int = 1, **words: object) -> ledger.PublishRow:
    """A publish of fees."""
    usual: dict[str, object] = {
        "dataset": FEES,
        "partition": partition,
        "data_version": "a",
        "code_version": "b",
        "contract_version": "1.0.0",
        "contract_hash": "c",
        "rows_in": 10,
        "rows_out": 9,
        "bytes": 1000,
        "seconds": 1.5,
        "peak_memory": 1,
        "input_snapshot": 0,
        "epoch": epoch,
        "run_id": RUN,
        "published_at": at,
    }
    return ledger.PublishRow(**(usual | words))  # type: ignore[arg-type]


def batch(number: int, at: datetime, **words: object) -> ledger.BatchRow:
    """A batch of the source of fees."""
    usual: dict[str, object] = {
        "stream": RAW,
        "shard": "s",
        "from_position": str(number),
        "to_position": str(number + 1),
        "batch_id": str(number),
        "rows": 100,
        "quarantined": 2,
        "content_hash": "h",
        "contract_version": "1",
        "epoch": 1,
        "run_id": "stream:5c",
        "committed_at": at,
        "rows_in": 102,
    }
    return ledger.BatchRow(**(usual | words))  # type: ignore[arg-type]


@pytest.fixture
def told(lake: Lake) -> Lake:
    """A lake whose ledger knows publishes, batches, a new contract, and a broken rule."""
    days = [publish(f"2026-06-{day:02d}", june(day, 13)) for day in range(1, 19)]
    last = publish(
        "2026-06-19",
        june(20, 1),
        contract_version="1.1.0",
        contract_hash="d",
        failing='{"between_fee": 3}',
    )
    again = publish("2026-06-18", june(20, 2), 2, contract_version="1.1.0", contract_hash="d")
    captured = [
        batch(1, june(19, 1), repeated=0),
        batch(2, june(19, 2), repeated=60, rows_in=162, watermark_at=june(19, 1)),
        batch(3, june(1), repeated=1),
    ]
    with lake.get_connection() as connection:
        ledger.append(connection, [*days, last, again])
        ledger.append(connection, captured)
    return lake


def test_last_publishes_are_told_newest_first(told: Lake) -> None:
    """Twelve of each dataset, with what they broke."""
    found = LedgerAnswer(**of_ledger(NOW)).last(FEES)
    assert [row["partition"] for row in found[:3]] == ["2026-06-18", "2026-06-19", "2026-06-18"]
    assert len(found) == 12
    assert found[0]["published_at"] == june(20, 2)
    assert (found[1]["failing"], found[0]["run_id"]) == ('{"between_fee": 3}', RUN)


def test_costs_are_told_by_day(told: Lake) -> None:
    """Of 28 days, and of the last seven the dearest."""
    facts = LedgerAnswer(**of_ledger(NOW))
    assert len(facts.costs) == 19
    assert dict(facts.costs[-1]) == {
        "day": "2026-06-20",
        "seconds": 3.0,
        "bytes": 2000.0,
        "partitions": 2,
    }
    (dearest,) = facts.dearest
    assert (dearest["dataset"], dearest["seconds"]) == (FEES, 12.0)


def test_change_of_a_contract_is_told(told: Lake) -> None:
    """Once, with both versions."""
    (change,) = LedgerAnswer(**of_ledger(NOW)).changes
    told_ = (change["dataset"], change["version_before"], change["contract_version"])
    assert told_ == (FEES, "1.0.0", "1.1.0")
    assert change["at"] == micros(june(20, 1))


def test_rule_that_rows_of_a_standing_partition_break_is_told(told: Lake) -> None:
    """Of the last publish of each partition."""
    (row,) = LedgerAnswer(**of_ledger(NOW)).failing
    assert (row["partition"], row["failing"]) == ("2026-06-19", '{"between_fee": 3}')


def test_streams_stand_at_their_last_position(told: Lake) -> None:
    """With their sums; batches of a week by the share of rows that were repeated."""
    facts = LedgerAnswer(**of_ledger(NOW))
    (stream,) = facts.streams
    assert (stream["stream"], stream["batches"], stream["repeated"]) == (RAW, 3, 61)
    assert stream["watermark_at"] == micros(june(19, 1))
    assert stream["position"] == "3"
    assert [(row["bucket"], row["batches"]) for row in facts.repeats] == [(0, 1), (3, 1)]


def test_process_that_ends_tells_the_same(told: Lake) -> None:
    """What Dagster would tell is unknown while it does not answer."""
    facts = AskedLedger()()
    assert (facts.failed_runs, facts.locations) == (None, None)
    assert len(facts.last(FEES)) == 12
    assert len(facts.streams) == 1


def test_question_makes_no_lake(home: Path) -> None:
    """Where there is none nothing is told, and none is made."""
    dsn = str(load_settings().postgres)
    assert LedgerAnswer(**of_ledger(NOW)).publishes == {}
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select to_regclass('ducklake_table')").fetchone()
    assert row == (None,)


def test_database_that_is_away_is_said_to_be(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, without its address."""
    monkeypatch.setenv("WATERMAIN_POSTGRES", "host=127.0.0.1 port=9 password=hidden")
    with pytest.raises(UnreachableSystemError) as error:
        AskedLedger()()
    assert "the ledger gave no answer: the lake's catalog database" in error.value.what
    assert "hidden" not in str(error.value)


def test_process_that_hangs_is_ended(told: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that is told."""
    monkeypatch.setattr(asked, "PATIENCE", timedelta(milliseconds=1))
    with pytest.raises(UnreachableSystemError, match="timed out"):
        AskedLedger()()


def test_failed_runs_are_told_by_what_they_were_of() -> None:
    """Datasets, partitions as a span, the instant of the end."""
    run = {
        "runId": RUN,
        "startTime": 1.0,
        "endTime": 2.0,
        "assetSelection": [{"path": ["billing", "curated", "fees"]}],
        "tags": [
            {"key": "dagster/asset_partition_range_start", "value": "2026-06-01"},
            {"key": "dagster/asset_partition_range_end", "value": "2026-06-03"},
        ],
    }
    (found,) = asked._failed([run])
    assert json.loads(json.dumps(found)) == {
        "run": RUN,
        "datasets": [FEES],
        "partitions": "2026-06-01 to 2026-06-03",
        "at": 2.0,
    }
    bare = {"runId": RUN, "startTime": None, "endTime": None, "assetSelection": None, "tags": []}
    assert asked._failed([bare])[0] == {"run": RUN, "datasets": [], "partitions": "", "at": None}
