"""Tests of the weather service, asked over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from demo.calendar import days_between, local_day
from demo.weather import Shelf
from demo.weather_service import BURST, PAGE, WeatherService, ensure_token
from tests.watermain.source.web_server import served

NOW = datetime(2026, 11, 24, 17, 30, tzinfo=UTC)
ALL = {"published_since": "2013-01-01T00:00:00Z", "published_until": "2030-01-01T00:00:00Z"}


class Ticks:
    """A clock that moves when told."""

    at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def ticks() -> Ticks:
    """A clock of the test's own."""
    return Ticks()


@pytest.fixture
def client(tmp_path: Path, ticks: Ticks) -> Iterator[httpx.Client]:
    """The service with January on its shelf, live since yesterday, asked with its token."""
    shelf = Shelf(tmp_path / "weather.json")
    shelf.archive(days_between(date(2013, 1, 1), date(2013, 1, 31)), NOW)
    shelf.go_live(local_day(NOW) - timedelta(days=1), NOW)
    service = WeatherService(shelf, "secret", 7, clock=lambda: NOW, now=ticks)
    token = {"Authorization": "Bearer secret"}
    with (
        served(service.app) as address,
        httpx.Client(base_url=address, headers=token, timeout=60) as client,
    ):
        yield client


def test_every_observation_is_on_some_page(client: httpx.Client, ticks: Ticks) -> None:
    """The cursor leads through all of them; the total says how many."""
    seen, cursor = [], "0"
    while cursor is not None:
        ticks.at += 1
        page = client.get("/v1/observations", params={**ALL, "cursor": cursor}).json()
        assert len(page["data"]["items"]) <= PAGE
        seen += page["data"]["items"]
        cursor = page["meta"]["next"]
    assert len(seen) == page["meta"]["total"] > 2226
    assert len({(s["airport"], s["observed_at"], s["published_at"]) for s in seen}) == len(seen)
    assert max(s["published_at"] for s in seen) < "2026-11-24T17:30:00Z"


def test_stranger_is_refused(client: httpx.Client) -> None:
    """Without the token nothing is told."""
    for header in ("", "Bearer other", "secret"):
        answer = client.get("/v1/observations", params=ALL, headers={"Authorization": header})
        assert (answer.status_code, answer.json()) == (401, {"error": "show the token"})


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {**ALL, "published_since": "yesterday"},
        {**ALL, "published_until": "2026-01-01T00:00:00"},
        {**ALL, "cursor": "x"},
    ],
)
def test_question_that_makes_no_sense_is_refused(
    client: httpx.Client, asked: dict[str, str]
) -> None:
    """400 says how to ask."""
    assert client.get("/v1/observations", params=asked).status_code == 400


def test_rate_is_limited_until_time_passes(client: httpx.Client, ticks: Ticks) -> None:
    """After a burst 429 with Retry-After; a tenth of a second is worth one request."""
    asked = {**ALL, "published_until": "2013-01-02T00:00:00Z"}
    codes = [client.get("/v1/observations", params=asked).status_code for _ in range(int(BURST))]
    assert set(codes) == {200}
    refused = client.get("/v1/observations", params=asked)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    ticks.at += 0.1
    codes = [client.get("/v1/observations", params=asked).status_code for _ in range(2)]
    assert codes == [200, 429]
    ticks.at += timedelta(hours=1).total_seconds()
    assert client.get("/v1/observations", params=asked).status_code == 200


def test_token_is_made_up_once_for_its_owner_alone(tmp_path: Path) -> None:
    """A restart finds the same one."""
    path = tmp_path / "secrets" / "weather"
    token = ensure_token(path)
    assert len(token) >= 24
    assert ensure_token(path) == token
    assert path.stat().st_mode & 0o777 == 0o600
