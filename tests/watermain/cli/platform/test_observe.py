"""`watermain observe`, from a late partition to whoever hears of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.ports import free_port
from tests.watermain.engine.promise.promises import FEES
from tests.watermain.observe.sink import Sink
from watermain import trouble
from watermain.declare import AtMost, Daily, Slo
from watermain.declare.errors import ExpiredCredentialError
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.written import written
from watermain.engine.rooms.last_good import FOLDER, FORMAT
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.observe.alert.book import AlertBook
from watermain.settings import child_environment

SLO = Slo(ready_within=timedelta(hours=2), objective=AtMost(2, of=28), consumers=("the board",))
PROMISED = Promised(dataset=FEES, slo=SLO, cadence=Daily(), owner="team:billing")
NOTIFIERS = """
from watermain import NotifierConnection

pager = NotifierConnection("pager", address="json://127.0.0.1:{port}")
"""


@pytest.fixture
def company(tmp_path: Path, lake: Lake, home: Path) -> Path:
    """A project whose one dataset has promised a partition a day for a week, and has none."""
    root = tmp_path / "company"
    (root / "rooms" / "billing").mkdir(parents=True)
    (root / "rooms" / "billing" / "definitions.py").write_text("")
    (root / "resources").mkdir()
    (root / "pyproject.toml").write_text('[tool.watermain]\nrooms = "rooms"\n')
    facts = {
        "name": str(FEES),
        "inputs": {},
        "promise": {"team": {"name": "team:billing"}},
        "promised": written(PROMISED),
    }
    (home / FOLDER).mkdir(exist_ok=True)
    told = json.dumps({"format": FORMAT, "datasets": [facts]})
    (home / FOLDER / "billing.json").write_text(told)
    VerdictBook(lake.dsn).agree([PROMISED], [], datetime.now(UTC) - timedelta(days=7))
    return root


def observed(company: Path) -> str:
    """What one round says."""
    done = subprocess.run(
        [sys.executable, "-m", "watermain", "observe", "--once"],
        cwd=company,
        env=child_environment() | {"WATERMAIN_PROJECT": str(company)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_once_judges_and_pages(company: Path, lake: Lake, received: Sink) -> None:
    """Without a notifier it says that nobody is told; with one, the page is there, once."""
    said = observed(company)
    assert " bad" in said
    assert "nobody is told of broken promises" in said
    with psycopg.connect(lake.dsn()) as connection:  # half a minute goes by
        connection.execute(
            "update watermain.alert set facts = jsonb_set(facts, '{pending_since}',"
            " to_jsonb(to_char(now() - interval '1 minute', 'YYYY-MM-DD\"T\"HH24:MI:SSOF:00')))"
        )
    (company / "resources" / "__init__.py").write_text("")
    (company / "resources" / "notifiers.py").write_text(NOTIFIERS.format(port=received.port))
    said = observed(company)
    assert f"alerts: [page] {FEES}: " in said
    assert "1 delivered" in said
    assert "alerts: nothing is due" in observed(company)
    assert received.pages() == [(str(FEES), "fired")]
    (_, body), *_ = received.posted
    assert f"watermain explain {FEES} {body['title'].split()[2]}" in body["message"]


def test_process_that_stays_has_no_engine() -> None:
    """What it asks of the lake it asks in processes that end: an engine takes 30 MB."""
    code = "import sys, watermain.cli.platform.observe; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _scraped(address: str, process: subprocess.Popen[str]) -> str:
    """The page, as soon as it tells of promises that were judged."""
    for _ in range(600):
        assert process.poll() is None, process.communicate()
        with suppress(httpx.HTTPError):
            text = httpx.get(address).text
            if "watermain_evaluated_timestamp_seconds" in text:
                return text
        time.sleep(0.2)
    raise AssertionError("no figures came")


@pytest.mark.parametrize("is_option", [True, False])
def test_service_tells_figures_on_a_port_until_it_is_told_to_stop(
    company: Path, is_option: bool
) -> None:
    """By an option or by the setting; what it is not asked for it does not open."""
    port = free_port()
    words = ["--metrics-port", str(port)] if is_option else []
    setting = {} if is_option else {"WATERMAIN_METRICS_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "watermain", "observe", *words],
        cwd=company,
        env=child_environment() | {"WATERMAIN_PROJECT": str(company), **setting},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        text = _scraped(f"http://127.0.0.1:{port}/metrics", process)
    finally:
        process.terminate()
        _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (0, "")
    assert f'watermain_promise_is_missing{{dataset="{FEES}"}} 1.0' in text
    assert f'watermain_promise_info{{dataset="{FEES}",' in text


def test_export_writes_rules_and_dashboards_out_of_what_rooms_declare(
    company: Path, tmp_path: Path
) -> None:
    """A folder that a Prometheus and a Grafana read, and a word about what is still to do."""
    done = subprocess.run(
        [sys.executable, "-m", "watermain", "observe", "export", str(tmp_path / "out")],
        cwd=company,
        env=child_environment() | {"WATERMAIN_PROJECT": str(company)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    names = [str(Path(line).relative_to(tmp_path / "out")) for line in done.stdout.splitlines()]
    assert names == [
        "prometheus.yml",
        "alertmanager.yml",
        "openslo.yml",
        "rules/watermain-recording.yml",
        "rules/watermain-promises.yml",
        "rules/watermain-watching.yml",
        "dashboards/Watermain/watermain-executive.json",
        "dashboards/Watermain/watermain-oncall.json",
        "dashboards/Watermain/watermain-debug.json",
        "dashboards/Room billing/watermain-room-billing.json",
        "grafana-dashboards.yml",
    ]
    assert 'group="at most 2 of 28 late, by the day, tier 2, page"' in (
        (tmp_path / "out/rules/watermain-promises.yml").read_text()
    )
    assert "targets:\n    - 127.0.0.1:9190" in (tmp_path / "out/prometheus.yml").read_text()
    assert "set WATERMAIN_METRICS_PORT=9190" in done.stderr


def test_what_no_verdict_tells_of_is_watched_for(company: Path, lake: Lake, home: Path) -> None:
    """Every watcher has its turn; what a living capture meets becomes an alert with its owner."""
    observed(company)
    orders, now = "billing.raw.orders", datetime.now(UTC)
    refused = ExpiredCredentialError("401", declared="here", data="none", next="rotate it")
    for _ in range(2):
        trouble.begin(home, orders, refused, now=now, again_at=now)
    path = home / FOLDER / "billing.json"
    told = json.loads(path.read_text())
    other = {**told["datasets"][0], "name": orders, "promised": None}
    other["promise"] = {"team": {"name": "team:orders"}}
    path.write_text(json.dumps({**told, "datasets": [*told["datasets"], other]}))
    said = observed(company)
    for step in ("captures", "backlog", "access", "ledger", "contracts", "books"):
        assert f"{step}: nothing is due" in said
    (alert,) = [each for each in AlertBook(lake.dsn).listed() if str(each.root) == orders]
    assert (alert.owner, alert.severity) == ("team:orders", "ticket")
    assert [(each.promise, each.told) for each in alert.signals] == [
        ("secret", "its source has refused the credential 2 times: 401")
    ]
    with lake.get_connection() as connection:
        copied = connection.execute(f"select distinct state from {ledger.JUDGED}").fetchall()
    assert copied == [("bad",)]
