"""Spans on their way to a collector that is there, slow, away or full."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.watermain.trace.collector import Collector
from watermain.declare.errors import MissingExtraError, MissingSettingError
from watermain.settings import load_settings
from watermain.trace import outlet as module
from watermain.trace.identity import point
from watermain.trace.outlet import SpanOutlet, outlet, settle
from watermain.trace.span import OpenSpan
from watermain.trace.tracing import operation, part

LONG = timedelta(seconds=60)


def span(number: int) -> OpenSpan:
    """A span that is known."""
    return OpenSpan("thing", began=10**9, ended=3 * 10**9, point=point("thing", number))


@pytest.fixture
def silent() -> Iterator[str]:
    """A collector that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_put_brings_spans_to_the_collector(collector: Collector) -> None:
    """Numbers, times and facts arrive as they were, by the path of OTLP."""
    way = SpanOutlet(collector.address)
    told = span(1)
    told.facts, told.error = {"watermain.rows": 3}, "ValueError"
    told.links, told.parent = [point("other", 1)], point("thing", 1, attempt="above")
    way.put([told])
    assert way.settle(LONG)
    (found,) = collector.spans
    assert (found.point, found.links) == (str(point("thing", 1)), (str(point("other", 1)),))
    assert found.parent == f"{told.parent.span:016x}"
    assert (found.facts, found.failed, found.seconds) == ({"watermain.rows": 3}, "ValueError", 2.0)
    assert collector.paths == {"/v1/traces"}


def test_put_never_waits_for_a_collector_that_is_silent(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is bounded, and whatever is beyond that is counted."""
    monkeypatch.setattr(module, "MOST_WAITING", 10)
    way = SpanOutlet(silent)
    way.put([span(0)])
    while way._waiting:  # the thread has taken it, and waits for the answer
        time.sleep(0.01)
    way.put(span(number) for number in range(25))
    assert (len(way._waiting), way.dropped) == (10, 15)
    assert not way.settle(timedelta(milliseconds=50))


def test_put_says_once_that_the_collector_is_away(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once while it lasts, with the number of spans lost when it is over."""
    monkeypatch.setattr(module, "REST", timedelta(0))
    way, collector.status = SpanOutlet(collector.address), 400
    for number in range(3):
        way.put([span(number)])
        while way._waiting or way._is_busy:
            time.sleep(0.01)
    collector.status = 200
    way.put([span(3)])
    while not collector.spans or way._is_told:
        time.sleep(0.01)
    ours = [r.getMessage() for r in caplog.records if r.name == "watermain.trace"]
    assert ours == [
        f"{collector.address} does not take traces; they are dropped, and the work goes on",
        f"{collector.address} takes traces again; 3 were dropped",
    ]
    assert len(collector.spans) == 1


def test_outlet_is_not_shared_with_what_is_forked(collector: Collector) -> None:
    """A child has an outlet and a thread of its own, and sends nothing of its parent's again."""
    way = outlet(collector.address)
    way.put([span(1)])
    assert way.settle(LONG)
    child = os.fork()
    if child == 0:
        outlet(collector.address).put([span(2)])
        settle()
        os._exit(0 if outlet(collector.address) is not way else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [each.process for each in collector.spans] == [os.getpid(), child]
    assert [each.point for each in collector.spans] == [str(span(n).point) for n in (1, 2)]


def test_operation_costs_nothing_where_no_traces_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no span, no outlet, and nothing of OpenTelemetry is looked for."""
    monkeypatch.delenv("WATERMAIN_OTLP_ENDPOINT", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    with operation("publish") as span, part("stage") as inner:
        assert (span, inner) == (None, None)


def test_operation_is_refused_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for traces and lacks the library is told what to install, before any work."""
    monkeypatch.setenv("WATERMAIN_OTLP_ENDPOINT", "http://127.0.0.1:2")  # nobody's so far
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    with (
        pytest.raises(MissingExtraError, match="extra `traces` of watermain") as caught,
        operation("publish"),
    ):
        raise AssertionError("nothing is done")
    assert caught.value.next == "pip install 'watermain[traces]'"
    assert caught.value.declared == "WATERMAIN_OTLP_ENDPOINT"


@pytest.mark.parametrize("address", ["127.0.0.1:4318", "grpc://collector", "http://", "http://a b"])
def test_endpoint_that_is_no_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """At start, by the name of the variable."""
    monkeypatch.setenv("WATERMAIN_OTLP_ENDPOINT", address)
    with pytest.raises(MissingSettingError, match="WATERMAIN_OTLP_ENDPOINT"):
        load_settings()
