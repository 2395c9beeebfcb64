"""What we rely on inside the server or the client of others is as it was when it was read.

A release that changes one of these is no defect of ours; it asks for a look at the counterpart
named here, then for the new fingerprint.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable

import pytest
from redis.asyncio.connection import AbstractConnection, Connection
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

PATIENT = "source.webhook.patience.PatientProtocol"
WHOLE = "serve.feature_server.whole_writes.WholeWritesProtocol"
LINE = "serve.feature_server.redis_reader._Line"
READ: dict[Callable[..., object], tuple[str, str]] = {
    HttpToolsProtocol.connection_made: (f"{PATIENT} and {WHOLE}", "6efb565ff3d3"),
    HttpToolsProtocol.connection_lost: (PATIENT, "c91a4c9bf2e2"),
    HttpToolsProtocol.on_message_begin: (PATIENT, "96d377fdc7c2"),
    HttpToolsProtocol.on_headers_complete: (PATIENT, "1ea8589acfad"),
    HttpToolsProtocol.on_message_complete: (PATIENT, "1fbad42dc31f"),
    HttpToolsProtocol.on_response_complete: (WHOLE, "64e254f28e38"),
    RequestResponseCycle.send: (WHOLE, "abdd8601b326"),
    AbstractConnection.connect: (LINE, "08c5daf33e6e"),
    Connection._connect: (LINE, "24cd655d5f27"),  # sets `_writer`, whose transport is taken over
    AbstractConnection.disconnect: (LINE, "11194f01c2f6"),
}


@pytest.mark.parametrize("upstream", READ, ids=lambda upstream: upstream.__qualname__)
def test_upstream_reads_as_it_did(upstream: Callable[..., object]) -> None:
    """The source of a counterpart has not changed."""
    ours, known = READ[upstream]
    found = hashlib.sha256(inspect.getsource(upstream).encode()).hexdigest()[:12]
    assert found == known, f"{upstream.__qualname__} changed: read it beside watermain.{ours}"
