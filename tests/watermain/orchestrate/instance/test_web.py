"""What another site, another name, a run's own words can do through Dagster's web server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from tests.watermain.orchestrate.launch.served import LAUNCH, Served, launch_text, launching, served
from watermain.process.postgres import EmbeddedPostgres

pytestmark = pytest.mark.timeout(600)
EVIL = "https://evil.example"


@pytest.fixture(scope="module")
def server(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """One server for the module."""
    postgres.ensure_database("web")
    with served(tmp_path_factory.mktemp("web"), postgres.dsn("web")) as running:
        yield running


def send(server: Served, method: str, path: str, **words: Any) -> int:
    """The status of an answer."""
    words = {"timeout": 60, **words}
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.request(method, server.url + path, **words).status_code


def test_no_form_of_another_site_launches_a_run(server: Served) -> None:
    """An image, a form, a script of another page: nothing of what they can send is a run."""
    before, text = server.runs(), launch_text()
    query, body = urlencode({"query": text}), {"query": text}
    form = {"content-type": "application/x-www-form-urlencoded"}
    plain, graphql = {"content-type": "text/plain"}, {"content-type": "application/graphql"}
    attempts = {
        "image": send(server, "GET", f"/graphql?{query}"),
        "image, variables": send(server, "GET", f"/graphql?{query}&variables=%7B%7D"),
        "navigation": send(server, "GET", f"/graphql?{query}", headers={"accept": "text/html"}),
        "encoded path": send(server, "GET", f"/%67raphql?{query}"),
        "post by query": send(server, "POST", f"/graphql?{query}"),
        "form": send(server, "POST", f"/graphql?{query}", headers=form),
        "form, body": send(server, "POST", "/graphql", headers=form, content=query),
        "graphql": send(server, "POST", "/graphql", headers=graphql, content=text),
        "plain": send(server, "POST", "/graphql", headers=plain, json=body),
        "multipart": send(server, "POST", f"/graphql?{query}", files={"a": b"b"}),
        "hidden type": send(
            server,
            "POST",
            "/graphql",
            headers={"content-type": "text/plain; a=application/json"},
            json=body,
        ),
    }
    assert {name: status for name, status in attempts.items() if status < 400} == {}
    assert server.runs() == before


def test_no_origin_of_another_site_launches_a_run(server: Served) -> None:
    """Where a request says that it comes from elsewhere, it is refused whatever it holds."""
    before, body = server.runs(), {"query": launch_text()}
    own = f"http://127.0.0.1:{server.port}"
    attempts = {
        "origin": send(server, "POST", "/graphql", headers={"origin": EVIL}, json=body),
        "null origin": send(server, "POST", "/graphql", headers={"origin": "null"}, json=body),
        "other port": send(
            server, "POST", "/graphql", headers={"origin": "http://127.0.0.1:1"}, json=body
        ),
        "cross-site": send(
            server, "POST", "/graphql", headers={"sec-fetch-site": "cross-site"}, json=body
        ),
        "same-site": send(
            server,
            "POST",
            "/graphql",
            headers={"sec-fetch-site": "same-site", "origin": own},
            json=body,
        ),
        "two origins": send(
            server,
            "POST",
            "/graphql",
            headers=[("origin", own), ("origin", EVIL), ("content-type", "application/json")],
            json=body,
        ),
    }
    assert {name: status for name, status in attempts.items() if status < 400} == {}
    assert server.runs() == before


def test_no_other_way_of_sending_reaches_the_platform(server: Served) -> None:
    """Another method, and the addresses at which events are reported, take nothing of a page."""
    before, body = server.runs(), {"query": launch_text()}
    form = {"content-type": "application/x-www-form-urlencoded"}
    attempts = {
        "put": send(server, "PUT", "/graphql", json=body),
        "event": send(server, "POST", "/report_asset_materialization/shop/curated/sales"),
        "event, form": send(
            server, "POST", "/report_asset_check/shop/curated/sales", headers=form, content="a=b"
        ),
        "event, site": send(
            server,
            "POST",
            "/report_asset_observation/shop/curated/sales",
            headers={"origin": EVIL},
            json={},
        ),
    }
    assert {name: status for name, status in attempts.items() if status < 400} == {}
    assert server.runs() == before


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "localhost@evil.example",
        "evil.example/localhost",
        "evil.example, localhost",
        "10.0.0.1",
        "0.0.0.0",
        "2130706433",
        "[::ffff:10.0.0.1]",
        "localhost:1x",
        "",
    ],
)
def test_a_name_that_is_not_ours_is_not_answered(server: Served, host: str) -> None:
    """A page whose name was made to lead here asks with its own name."""
    status, head = server.raw(f"GET /server_info HTTP/1.1\r\nHost: {host}\r\n\r\n")
    assert status in (400, 421)
    assert "dagster" not in head


def test_two_hosts_are_none(server: Served) -> None:
    """What names two is not believed; what names none is not answered."""
    for lines in ("Host: localhost\r\nHost: evil.example\r\n", ""):
        assert server.raw(f"GET /server_info HTTP/1.1\r\n{lines}\r\n")[0] in (400, 421)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:3000", "[::1]:3000", "data.example.org"]
)
def test_our_own_names_are_answered(server: Served, host: str) -> None:
    """The loopback's names on whichever port, those of the setting."""
    assert server.raw(f"GET /server_info HTTP/1.1\r\nHost: {host}\r\n\r\n")[0] == 200


def test_subscriptions_are_for_our_own_pages(server: Served) -> None:
    """A websocket, which no same-origin rule holds, is opened by our page or by no page."""
    own = f"http://127.0.0.1:{server.port}"
    assert server.upgrade(origin=own) == 101
    assert server.upgrade() == 101
    assert server.upgrade(origin=EVIL) == 403
    assert server.upgrade(origin="null") == 403
    assert server.upgrade(origin=own, host="evil.example") == 403
    assert server.upgrade(sec_fetch_site="cross-site") == 403


def test_pages_are_shown_but_in_no_frame_of_another_site(server: Served) -> None:
    """The UI, its API for a person at it, the page to try GraphQL on."""
    own = f"http://127.0.0.1:{server.port}"
    with httpx.Client(trust_env=False, timeout=60) as client:
        page = client.get(f"{server.url}/assets", headers={"accept": "text/html"})
        tried = client.get(f"{server.url}/graphql", headers={"accept": "text/html"})
        asked = client.post(
            f"{server.url}/graphql",
            json={"query": "{ version }"},
            headers={"origin": own, "sec-fetch-site": "same-origin"},
        )
    assert (page.status_code, tried.status_code) == (200, 200)
    assert page.headers["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    assert asked.json()["data"]["version"]


def test_run_is_launched_from_our_own_page(server: Served) -> None:
    """What a person launches is queued."""
    told = server.ask(LAUNCH, launching("2013-01-02"))["data"]["launchRun"]
    assert told["__typename"] == "LaunchRunSuccess"
    assert server.runs()[0] == "QUEUED"


KEYS = (
    "0001-01-01",
    "9999-12-31",
    "2012-12-31",
    "2014-01-01",
    "2013-02-30",
    "2013-1-5",
    "2013-01-05 ",
    "2013-01-05T00:00",
    "\uff12\uff10\uff11\uff13-01-05",
    "2013-01-05\n",
    "'; drop table flights; --",
    "../../etc/passwd",
    "x" * 5000,
)


@pytest.mark.parametrize("key", KEYS, ids=[quote(k[:30]) for k in KEYS])
def test_partition_that_does_not_exist_is_refused_before_the_launch(
    server: Served, key: str
) -> None:
    """Four lines instead of a run that fails."""
    queued = server.runs().count("QUEUED")
    told = server.ask(LAUNCH, launching(key))["data"]["launchRun"]
    assert told["__typename"] == "PythonError"
    lines = told["message"].strip().splitlines()
    assert "shop.curated.sales has no partition" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == ["declared", "data", "next"]
    assert server.runs().count("QUEUED") == queued


CONFIGS = (
    {"resources": {"lake": {"config": {"catalog": "host=127.0.0.1 port=1"}}}},
    {"resources": {"lake": {"config": {"folder": "/"}}}},
    {"resources": {"lake": {"config": {"database": "x.duckdb"}}}},
    {"resources": {"lake": {"config": {"connection_config": {"threads": 1}}}}},
    {"resources": {"lake": {"config": "x"}}},
    {"resources": {"other": {"config": {"a": 1}}}},
    {"execution": {"config": {"a": 1}}},
    {"ops": {"shop__curated__sales": {"config": {"a": 1}}}},
    {"loggers": {"console": {"config": {"log_level": "DEBUG"}}}},
)


@pytest.mark.parametrize("config", CONFIGS, ids=[str(n) for n in range(len(CONFIGS))])
def test_run_that_brings_settings_is_refused_before_the_launch(
    server: Served, config: dict[str, Any]
) -> None:
    """What a run works with is configured by settings, never by the run."""
    queued = server.runs().count("QUEUED")
    told = server.ask(LAUNCH, launching("2013-01-03", config))["data"]["launchRun"]
    assert told["__typename"] in ("RunConfigValidationInvalid", "PythonError")
    assert server.runs().count("QUEUED") == queued


def test_range_of_tags_beyond_the_calendar_is_refused(server: Served) -> None:
    """Its ends are looked at, not the 700,000 days between them."""
    variables = launching()
    variables["params"]["executionMetadata"]["tags"] = [
        {"key": "dagster/asset_partition_range_start", "value": "0001-01-01"},
        {"key": "dagster/asset_partition_range_end", "value": "2013-01-05"},
    ]
    told = server.ask(LAUNCH, variables)["data"]["launchRun"]
    assert "has no partition '0001-01-01'" in told["message"]


def test_partition_within_the_text_of_a_mutation_is_refused_too(server: Served) -> None:
    """Without a variable, under another name, in a backfill."""
    text = launch_text().replace("2013-01-05", "0001-01-01").replace("{launchRun", "{x:launchRun")
    told = server.ask(text)["data"]["x"]
    assert "has no partition '0001-01-01'" in told["message"]
    backfill = """mutation($p: LaunchBackfillParams!) {
      launchPartitionBackfill(backfillParams: $p) { ... on PythonError { message } } }"""
    asset = {"path": ["shop", "curated", "sales"]}
    spans = {
        "assetKey": asset,
        "partitions": {"range": {"start": "0001-01-01", "end": "2013-01-05"}},
    }
    for words in (
        {"assetSelection": [asset], "partitionNames": ["2013-01-05", "9999-12-31"]},
        {"partitionsByAssets": [spans]},
    ):
        told = server.ask(backfill, {"p": words})["data"]["launchPartitionBackfill"]
        assert "has no partition" in told["message"]


def test_request_that_is_too_large_is_refused(server: Served) -> None:
    """Nothing of more than 8 MiB is read as a question."""
    assert send(server, "POST", "/graphql", json={"query": "#" * (9 * 2**20)}) == 413
