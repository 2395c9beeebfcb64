"""The endpoint that Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.ports import free_port
from watermain.declare.errors import UnreachableSystemError
from watermain.observe.export.figures import AllFigures
from watermain.observe.export.serving import Exporting, serve

NOON = datetime(2026, 6, 3, 12, tzinfo=UTC)


class Parts:
    """Figures of which a part may not be read."""

    def __init__(self) -> None:
        self.unread: tuple[str, ...] = ()
        self.asked: list[datetime] = []

    def __call__(self, now: datetime) -> AllFigures:
        """What was read."""
        self.asked.append(now)
        return AllFigures(at=now, unread=self.unread)


@pytest.fixture
def parts() -> Parts:
    """All can be read."""
    return Parts()


@pytest.fixture
def endpoint(parts: Parts) -> Iterator[tuple[str, Exporting]]:
    """An endpoint that was not filled yet."""
    exporting, port = Exporting(parts), free_port()
    end = serve(port, exporting, ["metrics.example.org"])
    yield f"http://127.0.0.1:{port}", exporting
    end()


def test_scrape_gets_the_last_page(endpoint: tuple[str, Exporting], parts: Parts) -> None:
    """However often it asks, nothing is read for it."""
    url, exporting = endpoint
    assert httpx.get(f"{url}/metrics").status_code == 503
    assert exporting(NOON) == ""
    answers = [httpx.get(f"{url}/metrics") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert f"watermain_export_timestamp_seconds {NOON.timestamp():.6e}" in _plain(answers[0].text)
    assert parts.asked == [NOON]
    assert httpx.get(url).status_code == 404


def _plain(text: str) -> str:
    """The page with every value written in one way."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return "\n".join(f"{name} {float(value):.6e}" for name, _, value in lines)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:1", 200),
        ("localhost", 200),
        ("METRICS.example.org", 200),
        ("evil.example.org", 421),
        ("127.0.0.1.evil.org", 421),
    ],
)
def test_only_who_calls_it_by_its_name_is_answered(
    endpoint: tuple[str, Exporting], host: str, status: int
) -> None:
    """A page elsewhere whose name was made to lead here sends its own."""
    url, exporting = endpoint
    exporting(NOON)
    assert httpx.get(f"{url}/metrics", headers={"Host": host}).status_code == status


def test_page_is_made_anew_after_half_a_minute_or_when_the_clock_was_set_back(parts: Parts) -> None:
    """What could not be read is said once, and again when it happens again."""
    exporting = Exporting(parts)
    assert [exporting(NOON + timedelta(seconds=s)) for s in (0, 29)] == ["", ""]
    assert len(parts.asked) == 1
    parts.unread = ("promises",)
    said = [exporting(NOON + timedelta(seconds=s)) for s in (30, 60, 10)]
    assert said == ["no figures of promises: it could not be read", "", ""]
    assert 'watermain_export_unread{part="promises"} 1' in exporting.page.decode()
    parts.unread = ()
    exporting(NOON)
    parts.unread = ("promises",)
    assert exporting(NOON + timedelta(minutes=5)) != ""


def test_port_that_is_taken_is_named(endpoint: tuple[str, Exporting], parts: Parts) -> None:
    """Nothing is judged unseen."""
    port = int(endpoint[0].rpartition(":")[2])
    with pytest.raises(UnreachableSystemError, match=f"port {port} on 127.0.0.1 is taken"):
        serve(port, Exporting(parts))
