"""What ran is told without a web server, what failed with its reason first."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from tests.watermain.orchestrate.test_asset import ranged, run, stocked
from watermain.__main__ import app
from watermain.cli.exits import WRONG_USE, exit_code
from watermain.declare.errors import UnknownRunError, UnreachableSystemError
from watermain.lake.lake import Lake
from watermain.orchestrate.instance import run_log
from watermain.orchestrate.instance.opening import open_instance
from watermain.process.instance import dagster_home, storage_url, write_instance
from watermain.settings import load_settings

__all__ = ["stocked"]
REFUSED = "shop.curated.sales [2013-01-03]: 1 of 4 rows break `between_amount`, such as s0"


@pytest.fixture
def instance(stocked: Lake) -> Iterator[dg.DagsterInstance]:
    """One run that ended well, then one in which a partition was refused."""
    write_instance(load_settings())
    settings = load_settings()
    with open_instance(dagster_home(settings), storage_url(settings)) as it:
        run(stocked, it, partition_key="2013-01-01")
        run(stocked, it, tags=ranged("2013-01-01", "2013-01-03"))
        yield it


def told(*words: str) -> Any:
    """The facts that a command prints."""
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_runs_are_listed_newest_first(instance: dg.DagsterInstance) -> None:
    """With state, partitions and duration."""
    newest, oldest = told("runs")
    assert (newest["status"], oldest["status"]) == ("failure", "success")
    assert newest["partitions"] == "2013-01-01..2013-01-03"
    assert oldest["partitions"] == "2013-01-01"
    assert oldest["seconds"] > 0
    shown = CliRunner().invoke(app, ["runs"])
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["run", "state", "began", "seconds", "datasets"]
    assert lines[1].split()[:2] == [newest["run_id"][:8], "failed"]
    assert lines[2].split()[:2] == [oldest["run_id"][:8], "ok"]
    assert f"watermain logs {newest['run_id'][:8]}" in shown.stderr


def test_runs_are_chosen(instance: dg.DagsterInstance) -> None:
    """Those that failed; so many; of a room, by what they are of."""
    assert [each["status"] for each in told("runs", "--failed")] == ["failure"]
    assert len(told("runs", "--limit", "1")) == 1
    assert told("runs", "--room", "nowhere") == []
    none = CliRunner().invoke(app, ["runs", "--room", "nowhere"])
    assert (none.exit_code, none.stdout) == (0, "")
    assert "no such run" in none.stderr


def test_runs_of_a_room_are_found_behind_those_of_others(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page after page, as far as the limit asks."""
    monkeypatch.setattr(run_log, "PAGE", 3)
    for number in range(8):
        room = "a" if number % 4 == 0 else "b"
        chosen = frozenset([dg.AssetKey([room, "raw", f"t{number}"])])
        instance.create_run_for_job(_job(), asset_selection=chosen)
    found = run_log.runs(instance, room="a", is_failed=False, limit=5)
    assert [each.datasets for each in found] == [("a.raw.t4",), ("a.raw.t0",)]
    found = run_log.runs(instance, room="b", is_failed=False, limit=2)
    assert [each.datasets for each in found] == [("b.raw.t7",), ("b.raw.t6",)]
    assert len(run_log.runs(instance, room=None, is_failed=False, limit=7)) == 7


def _job() -> dg.JobDefinition:
    assets = [_asset(room, number) for room in "ab" for number in range(8)]
    return dg.Definitions(assets=assets).resolve_implicit_global_asset_job_def()


def _asset(room: str, number: int) -> dg.AssetsDefinition:
    @dg.asset(key=[room, "raw", f"t{number}"])
    def made() -> None: ...

    return made


def test_logs_begin_with_why_a_run_failed(instance: dg.DagsterInstance) -> None:
    """The four lines of the error, then what happened, in the order of time."""
    run_id = told("runs")[0]["run_id"]
    done = CliRunner().invoke(app, ["logs", run_id[:6]])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{run_id}  failed in ")
    assert lines[3] == REFUSED
    assert lines[4].startswith("  declared  ")
    events = [line[10:] for line in lines[8:]]
    assert events[0] == "the run began"
    assert "shop.curated.sales  published 3 rows in 2013-01-02" in events
    assert "shop.curated.sales  unchanged in 2013-01-01" in events
    assert events[-2:] == ["shop.curated.sales  failed", "the run failed"]
    assert not [line for line in lines if "between_amount' on" in line or "Traceback" in line]


def test_logs_tell_all_when_asked(instance: dg.DagsterInstance) -> None:
    """Each check, each step of Dagster's own, where in the code it failed."""
    run_id = told("runs")[0]["run_id"]
    every = CliRunner().invoke(app, ["logs", run_id, "--all"]).stdout
    assert "Asset check 'between_amount' on 'shop/curated/sales' did not pass" in every
    assert "raise_on_error" not in every
    assert 'File "' in every
    facts = told("logs", run_id, "--all")
    assert len(facts["events"]) > len(told("logs", run_id)["events"])
    assert facts["failures"][0]["reason"].splitlines()[0] == REFUSED
    assert facts["failures"][0]["dataset"] == "shop.curated.sales"


def test_run_that_went_well_has_no_failures(instance: dg.DagsterInstance) -> None:
    """Its last line says how it ended."""
    run_id = told("runs")[1]["run_id"]
    shown = CliRunner().invoke(app, ["logs", run_id]).stdout
    assert shown.splitlines()[0].startswith(f"{run_id}  ok in ")
    assert shown.splitlines()[-1].endswith("  the run ended well")
    assert told("logs", run_id)["failures"] == []


def test_beginning_of_an_id_must_be_one_run_s(instance: dg.DagsterInstance) -> None:
    """None, or several: as a misuse, with what is there."""
    for number in range(2):
        instance.create_run_for_job(_job(), run_id=f"abcd0000-0000-0000-0000-00000000000{number}")
    for beginning, says, after in (
        ("zz", "no run has an id that begins with `zz`", "watermain runs"),
        ("", "no run has an id", "watermain runs"),
        ("abcd", "2 runs have ids that begin with `abcd`", "watermain logs abcd0000-000"),
    ):
        done = CliRunner().invoke(app, ["logs", beginning])
        assert isinstance(done.exception, UnknownRunError)
        assert exit_code(done.exception) == WRONG_USE
        assert says in done.exception.what
        assert done.exception.next == after


@pytest.mark.parametrize("words", [("runs",), ("logs", "abc")])
def test_instance_that_is_not_there_is_unreachable(home: object, words: tuple[str, ...]) -> None:
    """Nothing was ever started: the next command starts it."""
    done = CliRunner().invoke(app, list(words))
    assert isinstance(done.exception, UnreachableSystemError)
    assert done.exception.next == "watermain up"


def test_asking_loads_neither_a_room_nor_an_engine() -> None:
    """So the answer is there soon."""
    script = (
        "import sys\nimport watermain.cli.look.logs\n"
        "print(sorted({'duckdb', 'pandas', 'dagster_webserver', 'platform_assets'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
