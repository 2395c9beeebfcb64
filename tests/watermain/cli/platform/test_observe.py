"""`watermain observe --once`, from a late partition to the page."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.watermain.engine.promise.promises import FEES
from tests.watermain.observe.sink import Sink, sink
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
def received() -> Iterator[Sink]:
    """The sink."""
    with sink() as made:
        yield made


@pytest.fixture
def company(tmp_path: Path, lake: Lake, home: Path) -> Path:
    """A project whose one dataset has promised a partition a day for a week, and has none."""
    root = tmp_path / "company"
    (root / "rooms" / "billing").mkdir(parents=True)
    (root / "rooms" / "billing" / "definitions.py").write_text("")
    (root / "resources").mkdir()
    (root / "pyproject.toml").write_text('[tool.watermain]\nrooms = "rooms"\ndbt = "none"\n')
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
    for step in ("captures", "backlog", "access", "ledger", "contracts", "verdicts"):
        assert f"{step}: nothing is due" in said
    (alert,) = [each for each in AlertBook(lake.dsn).listed() if str(each.root) == orders]
    assert (alert.owner, alert.severity) == ("team:orders", "ticket")
    assert [(each.promise, each.told) for each in alert.signals] == [
        ("secret", "its source has refused the credential 2 times: 401")
    ]
    with lake.get_connection() as connection:
        copied = connection.execute(f"select distinct state from {ledger.JUDGED}").fetchall()
    assert copied == [("bad",)]
