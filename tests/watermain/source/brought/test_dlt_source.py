"""A resource of dlt is captured with its state in the ledger; dlt's REST source is the example."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

import dlt
import pandas as pd
import pyarrow as pa
import pytest
from dlt.sources.rest_api import rest_api_source

from watermain.declare import Column, Contract, Dataset, Dlt, Sling, raw
from watermain.declare.errors import (
    InvalidDeclarationError,
    SourceError,
    UnreachableSystemError,
)
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.lake.lake import Lake, table
from watermain.lake.ledger import QUARANTINE
from watermain.settings import load_settings
from watermain.source.brought.handover import Handover
from watermain.source.opening import open_source

# dlt asks a library for what that is about to rename, and leaves its connections to the collector
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what dlt leaves open here, where nobody minds its warnings."""
    yield
    gc.collect()


class Issues(ThreadingHTTPServer):
    """An endpoint whose issues are asked for by the instant of their last change."""

    def __init__(self) -> None:
        self.issues: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Answer(BaseHTTPRequestHandler):
    """One answer of it."""

    server: Issues

    def do_GET(self) -> None:
        since = parse_qs(urlparse(self.path).query).get("since", [""])[0]
        self.server.asked.append(since)
        found = [each for each in self.server.issues if each["updated_at"] >= since]
        body = json.dumps(found).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[Issues]:
    """The endpoint, while the test lasts."""
    with Issues() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def issue(number: int, day: int, **more: Any) -> dict[str, Any]:
    """One issue as the endpoint has it."""
    at = f"2026-01-{day:02}T00:00:00Z"
    return {"id": number, "updated_at": at, "user": {"login": f"u{number}"}, "labels": [], **more}


def declared(source: Any, resource: str = "issues", **words: Any) -> Dataset:
    """A raw dataset of a resource."""
    return raw(
        "shop.raw.issues",
        source=Dlt(source=source, resource=resource, **words),
        contract=Contract(
            grain="one row per change of an issue",
            key=("id",),
            columns=(
                Column("id", pa.int64(), "its number"),
                Column("updated_at", pa.timestamp("us", "UTC"), "when it changed"),
                Column("login", pa.string(), "whose it is"),
            ),
        ),
        owner="team:shop",
    )


def of(api: Issues) -> Dataset:
    """The dataset of the endpoint, as dlt's REST source reads it."""

    def issues() -> Any:
        return rest_api_source(
            {
                "client": {"base_url": api.url},
                "resources": [
                    {
                        "name": "issues",
                        "endpoint": {
                            "path": "issues",
                            "params": {
                                "since": {
                                    "type": "incremental",
                                    "cursor_path": "updated_at",
                                    "initial_value": "2026-01-01T00:00:00Z",
                                }
                            },
                        },
                    }
                ],
            }
        )

    return declared(issues, fields={"login": "user.login"})


def captured(lake: Lake, dataset: Dataset, *more: str) -> list[tuple[Any, ...]]:
    """Capture what waits; give all that raw holds."""
    capture(dataset, Job(lake=lake, find={dataset.name: dataset}.__getitem__))
    with lake.get_connection() as connection:
        return connection.execute(
            f"select {', '.join(('_delivery', '_row', 'id', 'login', *more))}"
            f" from {table(dataset.name)} order by 1, 2"
        ).fetchall()


def test_rest_source_of_dlt_goes_on_from_the_state_in_the_ledger(lake: Lake, api: Issues) -> None:
    """Each run asks for what is new; a broken record goes aside, and nothing is taken twice."""
    dataset = of(api)
    api.issues = [issue(1, 2), issue(2, 3), issue("odd", 3)]  # type: ignore[arg-type]
    extra = json.dumps({"labels": "[]"})
    first = [(1, 1, 1, "u1", extra), (1, 2, 2, "u2", extra)]
    assert captured(lake, dataset, "_extra") == first
    with lake.get_connection() as connection:
        (aside,) = connection.execute(f"select reason, payload from {QUARANTINE}").fetchall()
    assert "`id`" in aside[0]
    assert "odd" in aside[1]
    assert captured(lake, dataset, "_extra") == first  # of what lies on the edge nothing is new
    api.issues += [issue(3, 5)]
    assert captured(lake, dataset, "_extra") == [*first, (2, 1, 3, "u3", extra)]
    edge = "2026-01-03T00:00:00Z"
    assert api.asked == ["2026-01-01T00:00:00Z", edge, edge]


def test_trouble_of_a_source_is_told_for_what_it_is(
    lake: Lake, api: Issues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that fails may recover; what a resource raises is somebody's to mend."""
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
    api.status = 503
    with pytest.raises(UnreachableSystemError, match=r"issues.*503"):
        captured(lake, of(api))

    @dlt.resource
    def broken() -> Iterator[dict[str, Any]]:
        raise ValueError("no such thing")
        yield {}

    with pytest.raises(SourceError, match="ValueError: no such thing") as told:
        captured(lake, declared(broken, "broken"))
    assert "test_dlt_source.py" in told.value.declared
    with pytest.raises(SourceError, match="it has no resource `issue`") as told:
        captured(lake, declared(of(api).source.source, "issue"))  # type: ignore[union-attr]
    assert told.value.next == "use one of `issues`"
    monkeypatch.setattr("watermain.source.brought.dlt_source.MOST_ITEMS", 2)
    many = dlt.resource([{"id": n} for n in range(3)], name="many")
    with pytest.raises(SourceError, match="more than 2 records at once"):
        captured(lake, declared(many, "many"))
    with pytest.raises(SourceError, match="it is a int"):
        captured(lake, declared(lambda: 3))


def test_resource_may_yield_frames_or_values_of_python(lake: Lake) -> None:
    """Every digit stays."""

    @dlt.source
    def shop() -> Any:
        @dlt.resource
        def issues() -> Iterator[Any]:
            yield [{"id": 1, "updated_at": datetime(2026, 1, 1, tzinfo=UTC), "login": "a"}]
            yield {"id": Decimal(2), "updated_at": None, "login": {"deep": 1.5, "b": b"x"}}
            yield pa.table({"id": [3], "login": ["c"]})
            yield pd.DataFrame({"id": [4], "login": ["d"]})

        return issues

    found = captured(lake, declared(shop))
    assert [(row[2], row[3]) for row in found] == [
        *((3, "c"), (4, "d"), (1, "a")),
        (2, '{"deep":1.5,"b":"\\\\x78"}'),
    ]


def test_extraction_waits_once_in_a_while(lake: Lake, api: Issues) -> None:
    """Not each time that somebody looks; doctor finds what is there."""
    dataset = of(api)
    source = open_source(dataset, load_settings(), {})
    source.verify()
    assert source.backlog().files == 1
    captured(lake, dataset)
    assert source.backlog().is_empty
    source.clock = type("Later", (), {"now": lambda _: datetime.now(UTC) + timedelta(hours=1)})()  # type: ignore[attr-defined]
    assert source.backlog().files == 1
    assert str(dataset.source) == "the dlt resource `issues`"


def test_state_has_a_bound() -> None:
    """The ledger keeps one for each batch."""
    assert str(Handover().following("c", "{}")) == "1:c:{}"
    assert Handover.parse('1:c:{"a":"b:c"}') == Handover(1, "c", '{"a":"b:c"}')
    with pytest.raises(SourceError, match="262,145 letters, 262,144 at most"):
        Handover().following("c", "x" * (256 * 2**10 + 1))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"resource": ""}, "names no resource"),
        ({"look_every": timedelta(0)}, "look_every 0:00:00 is too often"),
        ({"fields": {"login": "user..login"}}, "has a field whose path is none"),
    ],
)
def test_word_that_cannot_be_honoured_is_refused(words: dict[str, Any], says: str) -> None:
    """Where it is written."""
    with pytest.raises(InvalidDeclarationError, match=says):
        Dlt(**{"source": list, "resource": "issues", **words})


def test_sling_is_refused_by_name() -> None:
    """Its package fetches a program when it first runs."""
    with pytest.raises(InvalidDeclarationError, match="Sling is no source") as refused:
        Sling(stream="public.orders")
    assert "`Dlt`" in refused.value.next
