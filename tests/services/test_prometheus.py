"""AllFigures of a real book, scraped by a real Prometheus whose rules reach a real Alertmanager."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.ports import free_port
from tests.watermain.observe.export.books import Company
from tests.watermain.observe.export.seeded import ROOMS, seeded
from tests.watermain.observe.sink import Sink, sink
from watermain.declare import Daily, Slo
from watermain.lake.lake import Lake
from watermain.observe.export.folder import prometheus_files, write
from watermain.observe.export.gathering import Gathering
from watermain.observe.export.grafana.drawn import boards
from watermain.observe.export.serving import Exporting, serve

pytestmark = pytest.mark.services

SLO = Slo(ready_within=timedelta(hours=2))


def until(done: Callable[[], Any], what: str, seconds: float = 240) -> Any:
    """Wait for something; give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = done()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what} did not come")


@contextmanager
def running(command: list[str], ready: str, log: Path) -> Iterator[None]:
    """A server as long as the block, which says by an address that it is ready."""
    found = shutil.which(command[0])
    assert found, f"{command[0]}: see tests/services/install.sh"
    with log.open("wb") as output:
        process = subprocess.Popen([found, *command[1:]], stdout=output, stderr=output)
        try:
            until(lambda: process.poll() is None and _answers(ready), f"{command[0]}, {log}")
            yield
        finally:
            process.terminate()
            process.wait(60)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address).status_code == 200
    except httpx.HTTPError:
        return False


def quicker(files: dict[str, str], manager: int, sink_at: str) -> dict[str, str]:
    """The written files with intervals of a second, and with places of this test."""
    plain = yaml.safe_load(files["prometheus.yml"])
    plain["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    managers = [{"static_configs": [{"targets": [f"127.0.0.1:{manager}"]}]}]
    plain["alerting"]["alertmanagers"] = managers
    route = yaml.safe_load(files["alertmanager.yml"])
    route["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    for receiver in route["receivers"]:
        receiver["webhook_configs"] = [{"url": f"{sink_at}{receiver['name']}"}]
    found = {"prometheus.yml": yaml.safe_dump(plain), "alertmanager.yml": yaml.safe_dump(route)}
    for name, text in files.items():
        if name.startswith("rules/"):
            rules = yaml.safe_load(text)
            for group in rules["groups"]:
                group["interval"] = "1s"
                for rule in group["rules"]:
                    if "for" in rule:
                        rule["for"] = "1s"
            found[name] = yaml.safe_dump(rules, width=10_000)
    return found


class Asked:
    """A Prometheus."""

    def __init__(self, prometheus: str) -> None:
        self.prometheus = prometheus

    def ask(self, query: str) -> list[dict[str, Any]]:
        """What Prometheus answers."""
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": query}).json()
        assert answer["status"] == "success", answer
        return list(answer["data"]["result"])


class Watched(Asked):
    """A company with late fees, its figures and who is told of them."""

    def __init__(self, company: Company, received: Sink, prometheus: str) -> None:
        super().__init__(prometheus)
        self.company, self.received = company, received

    def told(self) -> list[tuple[str, str, str]]:
        """Receiver, cause and status of each message."""
        return [
            (
                headers["Path"].strip("/"),
                body["groupLabels"]["cause_id"],
                body["status"],
            )
            for headers, body in self.received.posted
        ]


@pytest.fixture
def watched(lake: Lake, tmp_path: Path) -> Iterator[Watched]:
    """Fees that were late twice and are missing; figures are made anew each second."""
    now = datetime.now(UTC)
    start = (now - timedelta(days=4)).date()
    company = Company(lake.dsn(), SLO, Daily(start=start))
    company.begin(now - timedelta(days=3))
    port, manager, prom = free_port(), free_port(), free_port()
    exporting = Exporting(Gathering())
    files = prometheus_files(company.promises, {"watermain": port})
    with sink() as received, company.judged_each_second(exporting):
        end = serve(port, exporting)
        write(tmp_path, quicker(files, manager, received.by_webhook))
        with (
            running(
                [
                    "prometheus-alertmanager",
                    f"--config.file={tmp_path / 'alertmanager.yml'}",
                    f"--storage.path={tmp_path / 'manager'}",
                    f"--web.listen-address=127.0.0.1:{manager}",
                    "--cluster.listen-address=",
                ],
                f"http://127.0.0.1:{manager}/-/ready",
                tmp_path / "manager.log",
            ),
            running(
                [
                    "prometheus",
                    f"--config.file={tmp_path / 'prometheus.yml'}",
                    f"--storage.tsdb.path={tmp_path / 'series'}",
                    f"--web.listen-address=127.0.0.1:{prom}",
                ],
                f"http://127.0.0.1:{prom}/-/ready",
                tmp_path / "prometheus.log",
            ),
        ):
            yield Watched(company, received, f"http://127.0.0.1:{prom}")
        end()


def test_late_partition_pages_once_and_is_told_to_be_over(watched: Watched) -> None:
    """From the book to the webhook and back; the other dataset is never heard of."""
    fees = "billing.curated.fees"
    until(lambda: ("pages", fees, "firing") in watched.told(), "the page")
    (missing,) = watched.ask("watermain_promise_is_missing == 1")
    assert missing["metric"]["dataset"] == fees
    health = httpx.get(f"{watched.prometheus}/api/v1/rules").json()["data"]["groups"]
    states = {rule["health"] for group in health for rule in group["rules"]}
    assert states == {"ok"}
    watched.company.catch_up(datetime.now(UTC))
    until(lambda: ("pages", fees, "resolved") in watched.told(), "the repair")
    told = watched.told()
    assert {cause for _, cause, _ in told if not cause.startswith("platform/")} == {fees}
    assert told.count(("pages", fees, "firing")) == 1


@pytest.fixture
def everything(tmp_path: Path) -> Iterator[Asked]:
    """A Prometheus with all rules, over figures of which every family has a series."""
    port, prom = free_port(), free_port()
    stop, exporting = threading.Event(), Exporting(seeded)
    files = quicker(prometheus_files([], {"watermain": port}), port, "http://127.0.0.1:9/")
    write(tmp_path, files)

    def renew() -> None:
        while not stop.wait(0.5):
            vars(exporting)["_made_at"] = None
            exporting(datetime.now(UTC))

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    end = serve(port, exporting)
    command = [
        "prometheus",
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'series'}",
        f"--web.listen-address=127.0.0.1:{prom}",
    ]
    try:
        with running(command, f"http://127.0.0.1:{prom}/-/ready", tmp_path / "prometheus.log"):
            yield Asked(f"http://127.0.0.1:{prom}")
    finally:
        stop.set()
        thread.join()
        end()


def test_every_panel_of_every_dashboard_shows_something(everything: Asked) -> None:
    """Each query is asked of a real Prometheus with its rules; none is empty, and none is NaN."""
    queries = {
        f"{board.uid}: {query.expr}": query.expr.replace("$dataset", ".*")
        for board in boards(ROOMS)
        for view in board.views
        for query in view.queries
    }
    until(lambda: everything.ask("rate(watermain_publishes_total[15m]) > 0"), "figures")
    until(lambda: everything.ask("watermain:bad_ratio:6h"), "recorded minutes")
    found = {title: everything.ask(query) for title, query in queries.items()}
    assert [title for title, answer in found.items() if not answer] == []
    values = {title: {each["value"][1] for each in answer} for title, answer in found.items()}
    assert [title for title, each in values.items() if "NaN" in each] == []
    # What shows a zero was seeded so, and shows none for want of a match.
    zero = [title for title, each in values.items() if each == {"0"}]
    assert zero == ["watermain-debug: watermain_export_folded_datasets"]
