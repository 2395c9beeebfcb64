"""A collector that the settings lead to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.watermain.trace.collector import Collector, collecting


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector of this test alone."""
    with collecting() as found:
        monkeypatch.setenv("WATERMAIN_OTLP_ENDPOINT", found.address)
        yield found
