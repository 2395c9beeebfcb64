"""The way of spans to a collector, which holds nobody up."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from watermain.machine.extras import need
from watermain.trace.identity import TracePoint
from watermain.trace.span import OpenSpan

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

LOG = logging.getLogger("watermain.trace")
MOST_WAITING = 2_048
MOST_AT_ONCE = 256
REQUEST = timedelta(seconds=5)
REST = timedelta(seconds=10)  # after a request that failed
FAREWELL = timedelta(seconds=1)
SETTING = "WATERMAIN_OTLP_ENDPOINT"
_OUTLETS: dict[tuple[int, str], SpanOutlet] = {}  # by process: a thread does not come along by fork


class SpanOutlet:
    """Send spans from a thread of its own.

    Guarantees: `put` never waits; MOST_WAITING wait at most, and what is beyond that or was not
    taken by the collector is counted, told once, and told again with the count when it takes some.
    """

    def __init__(self, endpoint: str) -> None:
        need("traces", declared=SETTING)
        self._send = _sender(endpoint)  # imported here: a thread that imports must not be forked
        self._endpoint = endpoint
        self._turn = threading.Condition()
        self._waiting: deque[OpenSpan] = deque()
        self._is_busy = self._is_away = self._is_told = self._is_begun = False
        self.dropped = 0

    def put(self, spans: Iterable[OpenSpan]) -> None:
        """Have spans sent."""
        with self._turn:
            for span in spans:
                if len(self._waiting) < MOST_WAITING:
                    self._waiting.append(span)
                else:
                    self.dropped += 1
            self._turn.notify_all()
            if not self._is_begun:  # what forks before it has anything to send forks alone
                self._is_begun = True
                threading.Thread(target=self._run, name="watermain-trace", daemon=True).start()
                atexit.register(self.settle)

    def settle(self, patience: timedelta = FAREWELL) -> bool:
        """Wait a moment for what waits; not at all for a collector that is away."""
        with self._turn:
            return self._turn.wait_for(
                lambda: self._is_away or not (self._waiting or self._is_busy),
                patience.total_seconds(),
            )

    def _run(self) -> None:
        while True:
            with self._turn:
                self._is_busy = False
                self._turn.notify_all()
                self._turn.wait_for(lambda: self._waiting)
                count = min(MOST_AT_ONCE, len(self._waiting))
                spans = [self._waiting.popleft() for _ in range(count)]
                self._is_busy = True
            is_sent = self._sent(spans)
            with self._turn:
                self._is_away = not is_sent
                self.dropped += 0 if is_sent else len(spans)
                self._turn.notify_all()
            self._tell(is_sent)
            if not is_sent:
                time.sleep(REST.total_seconds())

    def _sent(self, spans: Sequence[OpenSpan]) -> bool:
        try:
            return self._send(spans)
        except Exception as error:  # whatever a library raises, no trace is worth an end
            LOG.debug("spans were not sent: %s", error)
            return False

    def _tell(self, is_sent: bool) -> None:
        if not is_sent and not self._is_told:
            LOG.warning(
                "%s does not take traces; they are dropped, and the work goes on", self._endpoint
            )
            self._is_told = True
        elif is_sent and self._is_told:
            LOG.warning("%s takes traces again; %d were dropped", self._endpoint, self.dropped)
            self._is_told = False


def outlet(endpoint: str) -> SpanOutlet:
    """The outlet of this process, which one that came by fork does not share.

    Raises: MissingExtraError.
    """
    place = (os.getpid(), endpoint)
    found = _OUTLETS.get(place)
    if found is None:
        found = _OUTLETS[place] = SpanOutlet(endpoint)
    return found


def settle() -> None:
    """Give what this process has still to send a moment, before it ends without a farewell."""
    for (process, _), way in list(_OUTLETS.items()):
        if process == os.getpid():
            way.settle()


def _sender(endpoint: str) -> Any:
    """What sends spans by OTLP over HTTP, and says whether they were taken."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExportResult

    exporter = OTLPSpanExporter(
        endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=REQUEST.total_seconds()
    )
    resource = Resource.create({"service.name": "watermain", "process.pid": os.getpid()})

    def send(spans: Sequence[OpenSpan]) -> bool:
        readable = [_readable(span, resource) for span in spans]
        return exporter.export(readable) is SpanExportResult.SUCCESS

    return send


def _readable(span: OpenSpan, resource: Any) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, Status, StatusCode

    assert span.point is not None
    status = Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET)
    return ReadableSpan(
        name=span.name,
        context=_context(span.point),
        parent=None if span.parent is None else _context(span.parent),
        resource=resource,
        attributes=dict(span.facts),
        links=[Link(_context(each)) for each in span.links],
        status=status,
        start_time=span.began,
        end_time=span.ended or span.began,
        instrumentation_scope=InstrumentationScope("watermain"),
    )


def _context(point: TracePoint) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(point.trace, point.span, is_remote=False, trace_flags=TraceFlags(1))
