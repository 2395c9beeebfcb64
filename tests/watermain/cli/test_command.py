"""The command as scripts see it: exit codes, four lines, JSON, quick help."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from watermain.__main__ import app
from watermain.cli.exits import FAILED, UNREACHABLE, WRONG_USE, exit_code
from watermain.cli.platform.outside import write_variables
from watermain.cli.run.work import recorded
from watermain.declare.errors import (
    BrokenContractError,
    DiskFullError,
    InvalidPartitionError,
    UnreachableSystemError,
    WatermainError,
)
from watermain.lake.lake import Lake
from watermain.process.instance import dagster_home, write_instance
from watermain.process.worker_record import WorkerRecords
from watermain.settings import load_settings

READS = ("--reads", "operations.curated.airlines")
VERBS = (
    "up", "down", "status", "materialize", "sql", "explain", "replay", "new", "listen", "doctor",
)  # fmt: skip


def watermain(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "watermain", *words],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_help_names_every_verb_without_importing_the_world() -> None:
    """Asking for help loads neither Dagster nor an engine."""
    script = (
        "import sys\nfrom watermain.__main__ import app\n"
        "print(sorted({'dagster', 'duckdb', 'pyarrow', 'ibis', 'psycopg'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    shown = watermain("--help")
    assert shown.returncode == 0
    assert all(f" {verb} " in shown.stdout for verb in VERBS)
    assert "tend" not in shown.stdout


def test_taken_port_is_told_in_four_lines(tmp_path: Path, taken: int) -> None:
    """Nothing is started; the next line is the command with another port."""
    done = watermain("up", WATERMAIN_DATA_DIR=str(tmp_path), WATERMAIN_PORT=str(taken))
    assert done.returncode == UNREACHABLE
    assert done.stderr.splitlines() == [
        f"UnreachableSystemError: port {taken} on 127.0.0.1 is taken by another program",
        "  declared  WATERMAIN_PORT, or --port",
        "  data      nothing was started",
        f"  next      WATERMAIN_PORT={taken + 1} make up",
    ]
    assert not (tmp_path / "postgres").exists()


def test_down_is_safe_when_nothing_runs(tmp_path: Path) -> None:
    """Twice as safe when asked twice."""
    for _ in range(2):
        done = watermain("down", WATERMAIN_DATA_DIR=str(tmp_path))
        assert done.returncode == 0
        assert "nothing was running" in done.stderr


def test_status_of_nothing_ends_with_three(tmp_path: Path) -> None:
    """A script can tell that the platform is down, with the services named."""
    done = watermain("status", "--json", WATERMAIN_DATA_DIR=str(tmp_path))
    assert done.returncode == UNREACHABLE
    services = {s["name"]: s["state"] for s in json.loads(done.stdout)["services"]}
    assert services == {
        "postgres": "stopped",
        "web": "stopped",
        "daemon": "stopped",
        "warm": "stopped",
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("explain", "operations.curated.flihgts"), "`operations.curated.flights`"),
        (("explain", "nope.nope"), "`nope.nope` is no name of a dataset"),
        (("explain", "flights"), "`operations.curated.flights`"),
        (("stream", "nosuch"), "`nosuch` is no name of a dataset"),
        (
            ("materialize", "operations.curated.flights"),
            "watermain materialize operations.curated.flights --from 2013-01-01 --to 2013-01-01",
        ),
        (
            ("replay", "operations.curated.flights"),
            "watermain replay operations.curated.flights --from 2013-01-01 --to 2013-01-01",
        ),
        (
            ("diff", "operations.curated.flights"),
            "diff operations.curated.flights --from",
        ),
        (("materialize", "prediction.features.airport_dela"), "prediction.features.airport_delay"),
        (("explain", "prediction.features.airport_delay@99"), "has no version 99"),
        (
            ("features", "diff", *(f"prediction.features.{t}_delay" for t in ("airport", "route"))),
            "are two tables, not two versions of one",
        ),
        (
            ("materialize", "operations.curated.flights", "--partition", "2013-13-01"),
            "'2013-13-01'",
        ),
        (("materialize", "operations.curated.airlines", "--partition", "x"), "has no partitions"),
        (("replay", "operations.raw.flights"), "captured once, never rebuilt"),
        (("materialize", "operations.curated.flights", "--from", "2013-01-01"), "needs both"),
        (("new", "room", "Bad-Name"), "watermain new room bad_name"),
        (
            ("new", "dataset", "operations.features.foo", *READS),
            "write it in platform_assets/operations/features.py",
        ),
        (("new", "dataset", "nowhere.curated.things", *READS), "watermain new room nowhere"),
        (("new", "dataset", "operations.curated.flights", *READS), "declared already"),
        (("nonsense",), "No such command"),
        (("up", "--until", "2013-01-02"), "--until needs --as-recorded"),
        (("up", "--as-recorded", "--days", "3"), "leave --as-recorded out"),
    ],
)
def test_wrong_use_ends_with_two(words: tuple[str, ...], says: str, home: Path) -> None:
    """What the command was told is wrong: said without a stack trace."""
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, WatermainError):
        assert exit_code(result.exception) == WRONG_USE
        assert says in str(result.exception)
    else:
        assert result.exit_code == WRONG_USE
        assert says in result.stderr


@pytest.mark.parametrize("verb", ["materialize", "diff", "replay"])
def test_feature_tables_go_by_their_short_names(verb: str, home: Path) -> None:
    """Wherever a dataset is named: the version that readers get is found."""
    result = CliRunner().invoke(app, [verb, "prediction.features.airport_delay"])
    assert isinstance(result.exception, InvalidPartitionError)
    assert result.exception.what.startswith("prediction.features.airport_delay_v")


def test_materialize_runs_through_dagster(lake: Lake) -> None:
    """The run is recorded in the instance; the same inputs publish nothing the second time."""
    write_instance(load_settings())
    first = watermain("materialize", "upkeep.curated.run_costs", "--json")
    assert first.returncode == 0, first.stderr
    (fact,) = json.loads(first.stdout)
    assert fact["datasets"] == ["upkeep.curated.run_costs"]
    assert fact["ok"]
    told = json.loads(watermain("explain", "upkeep.curated.run_costs", "--json").stdout)
    assert [p["run_id"] for p in told["publishes"]] == [fact["run"]]
    assert {c["passed"] for c in told["checks"]} == {True}
    assert told["upstream"] == ["upkeep.raw.publishes"]


def test_run_in_place_is_known_by_its_process(home: Path) -> None:
    """Whoever asks can tell that the process of the run lives, later that it has ended."""
    settings = load_settings()
    records = WorkerRecords(dagster_home(settings) / "warm")
    with recorded(settings) as run_id:
        record = records.get(run_id)
        assert record is not None
        assert record.process.pid == os.getpid()
        assert record.process.alive()
        assert record.exit_code is None
    ended = records.get(run_id)
    assert ended is not None
    assert ended.exit_code == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BrokenContractError, FAILED),
        (InvalidPartitionError, WRONG_USE),
        (UnreachableSystemError, UNREACHABLE),
        (DiskFullError, UNREACHABLE),
    ],
)
def test_exit_code_tells_the_kind_of_error(error: type[WatermainError], code: int) -> None:
    """Refused is 1, misused is 2, unreachable is 3."""
    assert exit_code(error("what", declared="where", data="data", next="next")) == code


def test_variables_are_set_beside_those_of_others(home: Path) -> None:
    """What somebody wrote into the file stays; None takes one out."""
    path = home / "watermain.env"
    path.write_text("WATERMAIN_THREADS=1\n")
    settings = load_settings()
    write_variables(settings, {"WATERMAIN_PORT": "3111"})
    write_variables(settings, {"WATERMAIN_PORT": "3112"})
    assert path.read_text() == "WATERMAIN_THREADS=1\nWATERMAIN_PORT=3112\n"
    assert load_settings().port == 3112
    write_variables(settings, {"WATERMAIN_PORT": None})
    assert path.read_text() == "WATERMAIN_THREADS=1\n"
    assert path.stat().st_mode & 0o077 == 0
