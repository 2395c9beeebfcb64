"""Tests of `python -m demo`, run as a newcomer runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from demo.__main__ import app
from demo.operations import operations_server

pytestmark = pytest.mark.slow  # each starts a server

TWO_DAYS = ("load", "--as-recorded", "--until", "2013-01-02")
MORNING = ("load", "--as-of", "2026-11-24T10:00")


def demo(data_dir: Path, *words: str) -> subprocess.Popen[str]:
    """Start a command of the demo."""
    return subprocess.Popen(
        [sys.executable, "-m", "demo", *words, "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def facts(data_dir: Path, *words: str) -> dict[str, Any]:
    """Run a command, return the facts it prints."""
    process = demo(data_dir, *words, "--json")
    out, err = process.communicate()
    assert process.returncode == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def applied(connection: psycopg.Connection) -> int:
    """Return the number of changes that have been committed so far."""
    row = connection.execute("select coalesce(sum(changes), 0) from demo.clock").fetchone()
    assert row is not None
    return int(row[0])


def test_load_that_is_killed_continues_where_it_was(data_dir: Path) -> None:
    dsn, seen = str(facts(data_dir, "up")["dsn"]), 0
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select pg_create_logical_replication_slot('seen', 'pgoutput')")
        for _ in range(2):
            process = demo(data_dir, *TWO_DAYS, "--speed", "10000")
            while applied(connection) == seen:
                time.sleep(0.02)
                assert process.poll() is None
            process.kill()
            process.communicate()
            assert applied(connection) > seen
            seen = applied(connection)
        ended = facts(data_dir, *TWO_DAYS)
        messages = connection.execute(
            "select count(*) from pg_logical_slot_peek_binary_changes('seen', null, null,"
            " 'proto_version', '1', 'publication_names', 'watermain')"
            " where substr(data, 1, 1) in ('I', 'U')"
        ).fetchone()
    assert ended["complete"] is True
    assert (ended["flights"], ended["scheduled"], ended["departed"]) == (1785, 0, 0)
    assert messages == (ended["replayed_changes"] + 48,)


def test_load_moves_days_of_2013_up_to_now_once(data_dir: Path) -> None:
    """The first decides with which day the folder begins; the next one goes on."""
    loaded = facts(data_dir, *MORNING, "--days", "2")
    assert loaded["since"] == "2026-11-22"
    assert (loaded["complete"], loaded["weather_days"]) == (True, 3)
    assert min(loaded[status] for status in ("scheduled", "departed", "arrived")) > 0
    again = facts(data_dir, *MORNING)
    told = ("flights", "since", "replayed_changes", "weather_days")
    assert [again[name] for name in told] == [*(loaded[name] for name in told[:3]), 0]
    assert facts(data_dir, *MORNING[:2], "2026-11-24T11:00")["departed"] > 0
    with psycopg.connect(str(facts(data_dir, "up")["dsn"]), autocommit=True) as connection:
        days = connection.execute(
            "select distinct scheduled_departure::date::text, recorded_on::text"
            " from public.flights order by 1"
        ).fetchall()
        newest = connection.execute("select max(updated_at)::text from flights").fetchall()
    assert days == [
        ("2026-11-22", "2013-11-24"),
        ("2026-11-23", "2013-11-25"),
        ("2026-11-24", "2013-11-26"),
    ]
    assert newest > [("2026-11-24 15:50",)]
    process = demo(data_dir, "load", "--as-recorded")
    assert "begin with 2026-11-22" in process.communicate()[1]
    assert process.returncode == 1


def test_folder_of_2013_stays_one(data_dir: Path) -> None:
    """Without the word it goes on with the days it has, though today happens in it too."""
    loaded = facts(data_dir, *TWO_DAYS, "--as-of", "2013-01-02T12:00")
    assert not loaded["complete"]
    ended = facts(data_dir, "load")
    assert (ended["complete"], ended["flights"], "since" in ended) == (True, 1785, False)


@pytest.mark.parametrize("order", [signal.SIGTERM, signal.SIGINT])
def test_live_stops_in_order_when_asked(data_dir: Path, order: signal.Signals) -> None:
    process = demo(data_dir, "live", "--json")
    assert process.stderr is not None
    assert process.stderr.readline().endswith("due until the end of tomorrow's flights\n")
    process.send_signal(order)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert json.loads(out).keys() >= {"flights", "scheduled", "replayed_changes"}


def test_down_ends_the_server_with_whatever_follows_it(data_dir: Path) -> None:
    assert operations_server(data_dir).running() is None
    up = facts(data_dir, "up")
    assert operations_server(data_dir).running() == up["pid"]
    assert facts(data_dir, "status")["flights"] == 0
    facts(data_dir, "down")
    assert operations_server(data_dir).running() is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["load", "--as-recorded", "--from", "2012-12-31"], "2013-01-01 to 2013-12-31"),
        (
            ["load", "--as-recorded", "--from", "2013-02-02", "--until", "2013-02-01"],
            "2013-01-01 to 2013-12-31",
        ),
        (["load", "--until", "2013-01-31"], "--until needs --as-recorded"),
        (["load", "--year"], "--year needs --as-recorded"),
        (["load", "--days", "0"], "--days"),
        (["load", "--speed", "-1"], "'fast' or a positive number, not '-1'"),
        (["load", "--speed", "nan"], "'fast' or a positive number, not 'nan'"),
        (["live", "--speed", "fast"], "--speed fast needs --until"),
    ],
)
def test_wrong_words_are_refused_before_anything_starts(
    tmp_path: Path, words: list[str], told: str
) -> None:
    result = CliRunner().invoke(app, [*words, "--data-dir", str(tmp_path)], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert told in result.output
    assert list(tmp_path.iterdir()) == []


def test_server_that_dies_leaves_whole_transactions_behind(data_dir: Path) -> None:
    dsn = str(facts(data_dir, "up")["dsn"])
    process = demo(data_dir, *TWO_DAYS, "--speed", "10000")
    with psycopg.connect(dsn, autocommit=True) as connection:
        while applied(connection) == 0:
            time.sleep(0.02)
    pid = operations_server(data_dir).running()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == 1
    assert err.startswith("UnreachableSystemError: the operations database went away: ")
    assert err.endswith("next      run the same command again: it continues\n")
    ended = facts(data_dir, *TWO_DAYS)
    assert (ended["flights"], ended["arrived"], ended["complete"]) == (1785, 1759, True)


def test_final_state_comes_with_the_partners_files(data_dir: Path) -> None:
    loaded = facts(data_dir, "load", "--as-recorded", "--until", "2013-01-01", "--final")
    counts = {name: loaded[name] for name in ("flights", "arrived", "cancelled", "diverted")}
    assert counts == {"flights": 842, "arrived": 831, "cancelled": 4, "diverted": 7}
    dropped = data_dir / "demo" / "partner_drop"
    names = {path.name for path in dropped.iterdir()}
    assert names == {"airlines.csv", "airports.csv", "planes.parquet"}
    size = (dropped / "airports.csv").stat().st_size
    assert len(facts(data_dir, "drop", "--half-written")["files"]) == 3
    assert (dropped / "airports.csv").stat().st_size == size // 2
