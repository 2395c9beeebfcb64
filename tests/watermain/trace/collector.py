"""A collector of OpenTelemetry in this process, which decodes what it is sent."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Received:
    """One span as it came over the wire."""

    name: str
    trace: str
    span: str
    parent: str
    links: tuple[str, ...]
    facts: dict[str, Any]
    failed: str
    seconds: float
    process: int

    @property
    def point(self) -> str:
        """Trace with span, as a `traceparent`."""
        return f"00-{self.trace}-{self.span}-01"


@dataclass
class Collector:
    """What was received, span by span; `status` is what requests are answered with."""

    address: str = ""
    status: int = 200
    paths: set[str] = field(default_factory=set)
    spans: list[Received] = field(default_factory=list)

    def named(self, name: str) -> list[Received]:
        """The spans of a name, in the order of their coming."""
        return [each for each in self.spans if each.name == name]

    def take(self, path: str, body: bytes) -> None:
        """Decode one request."""
        self.paths.add(path)
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            of = {each.key: each.value for each in resource.resource.attributes}
            process = of["process.pid"].int_value
            for scope in resource.scope_spans:
                self.spans += [_received(each, process) for each in scope.spans]


def _received(span: Any, process: int) -> Received:
    return Received(
        name=span.name,
        trace=span.trace_id.hex(),
        span=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        links=tuple(f"00-{e.trace_id.hex()}-{e.span_id.hex()}-01" for e in span.links),
        facts={e.key: getattr(e.value, e.value.WhichOneof("value")) for e in span.attributes},
        failed=span.status.message,
        seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        process=process,
    )


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens for the block."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if collector.status == 200:
                collector.take(self.path, body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(collector.status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        collector.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
