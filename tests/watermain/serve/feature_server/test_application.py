"""The application answers over HTTP, whatever is sent, whatever the store does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pytest

from tests.watermain.serve.feature_server.delays import (
    MemoryStore,
    asked,
    filled,
    server,
    unreachable,
)
from watermain.serve.feature_server import asking
from watermain.serve.feature_server.consumers import Doorkeeper, add_consumer

AIRPORT = "prediction.features.airport_delay"
QUESTION = {"features": [AIRPORT], "entities": {"airport": ["JFK"]}}
SET = {"feature_set": "departure", "entities": {"airport": ["JFK", "EWR"], "flight": [1, 1]}}
PROBLEM = {"type", "title", "status", "detail", "declared", "data", "next"}


@pytest.fixture
def store() -> MemoryStore:
    """A store that may be told to misbehave."""
    return filled()


@pytest.fixture
def client(store: MemoryStore) -> Iterator[httpx.Client]:
    """A consumer of an open server."""
    with asked(server(store)) as client:
        yield client


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Read the problem that an answer must be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found.keys() == PROBLEM
    assert found["status"] == status
    assert all(found[part] for part in ("detail", "declared", "data", "next"))
    return found


def test_features_are_answered(client: httpx.Client) -> None:
    """The newest row with its version, its time, its status."""
    answer = client.post("/v1/features", json=QUESTION)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "tables": [
            {
                "table": AIRPORT,
                "version": 2,
                "status": ["present"],
                "event_time": ["2013-01-22T12:00:00Z"],
                "features": [{"mean": 12.5, "p90": 40.0}],
            }
        ]
    }


def test_set_is_answered_as_json_or_arrow(client: httpx.Client) -> None:
    """Both say the same."""
    tables = client.post("/v1/features", json=SET).json()["tables"]
    accept = {"accept": "application/vnd.apache.arrow.stream"}
    answer = client.post("/v1/features", json=SET, headers=accept)
    assert answer.headers["content-type"] == accept["accept"]
    found = pa.ipc.open_stream(answer.content).read_all()
    for table, prefix in zip(tables, ("airport_delay_v1", "route_delay"), strict=True):
        assert found[f"{prefix}.status"].to_pylist() == table["status"]
        assert found[f"{prefix}__mean"].to_pylist() == [f["mean"] for f in table["features"]]
    assert [t["status"] for t in tables] == [["present", "missing"]] * 2


def test_catalog_health_specification_are_told(client: httpx.Client) -> None:
    """What there is to ask for, whether the store answers, how to ask."""
    assert client.get("/v1/features").json()["sets"][0]["name"] == "departure"
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/openapi.json").json()["openapi"] == "3.1.0"


@pytest.mark.parametrize(
    ("content", "headers", "status", "detail"),
    [
        (b"{", {}, 400, "the body is no JSON"),
        (b"{}", {"content-type": "text/plain"}, 415, "not declared as JSON"),
        (b"{}", {"content-type": ""}, 415, "not declared as JSON"),
        (b" " * (2**20 + 1), {}, 413, "1,048,577 bytes"),
        (
            b'{"features":["x.features.y"],"entities":{}}',
            {},
            422,
            "no feature table `x.features.y`",
        ),
        (b"[" * 100_000, {}, 400, "depth limit"),
        (orjson.dumps({"feature_set": "x" * 9000, "entities": {}}), {}, 422, "no feature set 'xxx"),
    ],
)
def test_bad_input_is_a_problem(
    client: httpx.Client, content: bytes, headers: dict[str, str], status: int, detail: str
) -> None:
    """Each has our four parts, none is longer than a page; the next question is answered."""
    kind = {"content-type": "application/json; charset=utf-8", **headers}
    answer = client.post("/v1/features", content=content, headers=kind)
    assert detail in problem(answer, status)["detail"]
    assert len(answer.content) < 4000
    assert client.post("/v1/features", json=QUESTION).status_code == 200


def test_long_list_is_refused_before_it_is_read(client: httpx.Client) -> None:
    """Ten megabytes, announced or streamed, are never held."""
    entities = orjson.dumps({"features": [AIRPORT], "entities": {"airport": ["JFK"] * 1_700_000}})
    assert len(entities) > 10_000_000
    kind = {"content-type": "application/json"}
    answer = client.post("/v1/features", content=entities, headers=kind)
    assert "too much at once" in problem(answer, 413)["detail"]
    pieces = (entities[n : n + 65536] for n in range(0, len(entities), 65536))
    answer = client.post("/v1/features", content=pieces, headers=kind)
    assert "more than 1,048,576 bytes" in problem(answer, 413)["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/", 404, None),
        ("GET", "/v1/features/", 404, None),
        ("DELETE", "/v1/features", 405, {"GET", "HEAD", "POST"}),
        ("POST", "/healthz", 405, {"GET", "HEAD"}),
    ],
)
def test_unknown_path_is_a_problem(
    client: httpx.Client, method: str, path: str, status: int, allow: set[str] | None
) -> None:
    """A method that there is not tells those there are."""
    answer = client.request(method, path)
    problem(answer, status)
    told = answer.headers.get("allow")
    # Two routes share the path of features; the one that answered tells its own methods.
    assert (set(told.split(", ")) <= allow) if allow and told else allow is None


def test_store_that_is_away_is_told(store: MemoryStore, client: httpx.Client) -> None:
    """503 with when to come back; when the store is back, so are the answers."""

    def away() -> None:
        raise unreachable()

    store.before = away
    for answer in (client.post("/v1/features", json=QUESTION), client.get("/healthz")):
        assert problem(answer, 503)["detail"] == "the online store is away"
        assert answer.headers["retry-after"] == "1"
    store.before = lambda: None
    assert client.post("/v1/features", json=QUESTION).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_store_that_hangs_hangs_nobody(store: MemoryStore) -> None:
    """Questions end after the patience, health soon, the catalog is not touched."""
    free = threading.Event()
    store.before = free.wait
    with (
        asked(server(store, patience=timedelta(seconds=1))) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        pending = [pool.submit(client.post, "/v1/features", json=QUESTION) for _ in range(4)]
        assert "does not answer" in problem(client.get("/healthz"), 503)["detail"]
        assert client.get("/v1/features").status_code == 200
        for each in pending:
            assert problem(each.result(), 503)["next"].startswith("ask again")
        free.set()
        assert client.post("/v1/features", json=QUESTION).status_code == 200


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_fault_of_ours_is_a_problem(store: MemoryStore, client: httpx.Client) -> None:
    """A bug tells its kind, not its insides; the server stays up."""
    failures = [ValueError("inside")]

    def fail() -> None:
        if failures:
            raise failures.pop()

    store.before = fail
    answer = client.post("/v1/features", json=QUESTION)
    assert problem(answer, 500)["declared"] == "ValueError"
    assert "inside" not in answer.text
    assert client.post("/v1/features", json=QUESTION).status_code == 200


def test_questions_at_once_are_bounded(
    store: MemoryStore, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound: come back in a second."""
    monkeypatch.setattr(asking, "MOST_AT_ONCE", 0)
    answer = client.post("/v1/features", json=QUESTION)
    assert "0 questions are being answered" in problem(answer, 503)["detail"]
    assert answer.headers["retry-after"] == "1"


def test_body_that_does_not_come_is_given_up(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow sender holds nothing for long."""
    monkeypatch.setattr(asking, "BODY_PATIENCE", timedelta(seconds=0.1))
    with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as slow:
        slow.sendall(
            b"POST /v1/features HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        slow.settimeout(20)
        assert slow.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_consumers_need_their_keys(tmp_path: Path, store: MemoryStore) -> None:
    """401, 403, 429 with when to come back; health, specification are for everybody."""
    path = tmp_path / "keys.json"
    key = {"authorization": f"Bearer {add_consumer(path, 'alerts', 2)}"}
    with asked(server(store, Doorkeeper(path, lambda: 0.0))) as client:
        answer = client.post("/v1/features", json=QUESTION)
        problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
        wrong = {"authorization": "Bearer wm_x"}
        for where in ("/v1/features", "/metrics"):
            problem(client.get(where), 401)
            problem(client.get(where, headers=wrong), 403)
        for _ in range(2):
            assert client.post("/v1/features", json=QUESTION, headers=key).status_code == 200
        answer = client.post("/v1/features", json=QUESTION, headers=key)
        assert "more than 2 requests a second" in problem(answer, 429)["detail"]
        assert answer.headers["retry-after"] == "1"
        problem(client.get("/v1/features", headers=key), 429)
        assert client.get("/metrics", headers=key).status_code == 200
        assert client.get("/healthz").status_code == 200
        assert client.get("/openapi.json").json()["components"]["securitySchemes"]


def test_refused_consumer_is_not_read(
    tmp_path: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key not a byte of a body is waited for."""
    monkeypatch.setattr(asking, "BODY_PATIENCE", timedelta(hours=1))
    path = tmp_path / "keys.json"
    add_consumer(path, "alerts", 2)
    with (
        asked(server(store, Doorkeeper(path))) as client,
        socket.create_connection((client.base_url.host, client.base_url.port or 0)) as slow,
    ):
        slow.sendall(b"POST /v1/features HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        slow.settimeout(120)
        assert slow.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_figures_tell_what_was_answered(client: httpx.Client) -> None:
    """Requests by status, rows by status, how old the oldest was."""
    client.post("/v1/features", json=SET)
    client.post("/v1/features", content=b"{", headers={"content-type": "application/json"})
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = dict(
        line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")
    )
    stored = f"{AIRPORT}_v1"
    expected = {
        'watermain_serve_requests_total{consumer="nobody",status="200"}': 1,
        'watermain_serve_requests_total{consumer="nobody",status="400"}': 1,
        "watermain_serve_seconds_count": 2,
        f'watermain_serve_rows_total{{status="present",table="{stored}"}}': 1,
        f'watermain_serve_rows_total{{status="missing",table="{stored}"}}': 1,
        f'watermain_serve_oldest_age_seconds_sum{{table="{stored}"}}': 1800,
        f'watermain_serve_oldest_age_seconds_count{{table="{stored}"}}': 1,
    }
    assert {name: float(found[name]) for name in expected} == expected
