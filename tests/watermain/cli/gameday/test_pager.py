"""What arrives at the webhook is kept, found by whoever waits for it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from watermain.cli.gameday.pager import GamePager, game_pager
from watermain.cli.gameday.tides import Tides, tides

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SHORT = timedelta(seconds=0.3)
CAUSE = "harbour.raw.late_1@20260603T080000.000000Z"


def post(pager: GamePager, key: str, title: str) -> None:
    """Tell something as apprise does."""
    answer = httpx.post(
        f"http://127.0.0.1:{pager.port}/",
        headers={"Idempotency-Key": key},
        json={"title": title, "message": "x"},
        trust_env=False,
    )
    assert answer.status_code == 200


def test_page_is_found_by_its_dataset() -> None:
    """The first of its severity, though a ticket came before; what is told of others is not."""
    with game_pager() as pager:
        post(pager, f"{CAUSE}/fired/1".replace("/", "%2F"), "[ticket] late")
        post(pager, f"{CAUSE}/raised/2", "[page] now a page: late")
        post(pager, "harbour.raw.late_2@x/fired/1", "[page] other")
        found = pager.first("harbour.raw.late_1", LONG_AGO, "page", SHORT)
        assert found is not None
        assert (found.kind, found.cause_id) == ("raised", CAUSE)
        ticket = pager.first("harbour.raw.late_1", LONG_AGO, "ticket", SHORT)
        assert ticket is not None
        assert ticket.kind == "fired"
        assert pager.first("harbour.raw.late_3", LONG_AGO, "page", SHORT) is None
        assert pager.first("harbour.raw.late_1", datetime.now(UTC), "page", SHORT) is None


def test_ticket_is_taken_where_no_page_came() -> None:
    """So that it is judged as what it was."""
    with game_pager() as pager:
        post(pager, f"{CAUSE}/fired/1", "[ticket] late")
        found = pager.first("harbour.raw.late_1", LONG_AGO, "page", SHORT)
        assert found is not None
        assert found.title == "[ticket] late"


def test_end_is_awaited() -> None:
    """By its cause; it may come while somebody waits."""
    with game_pager() as pager:
        assert pager.fixed(CAUSE, SHORT) is None
        threading.Timer(0.3, post, (pager, f"{CAUSE}/fixed/3", "[fixed] late")).start()
        found = pager.fixed(CAUSE, timedelta(seconds=20))
        assert found is not None
        assert found.dataset == "harbour.raw.late_1"


@pytest.mark.parametrize(
    ("token", "status"), [("first", 200), ("second", 401), ("", 401)], ids=["right", "old", "none"]
)
def test_service_answers_the_right_token(token: str, status: int) -> None:
    """The one that is right now, over the network."""
    with tides() as outside:
        outside.tokens["/v1/tides/1"] = "first"
        answer = httpx.get(
            f"http://127.0.0.1:{outside.port}/v1/tides/1",
            params={"since": "2026-06-03T08:00:00Z", "until": "2026-06-03T08:00:10Z"},
            headers={"Authorization": f"Bearer {token}"} if token else {},
            trust_env=False,
        )
        assert answer.status_code == status
        if status == 200:
            (item,) = answer.json()["items"]
            assert item["seen_at"] == "2026-06-03T08:00:00Z"


def test_unknown_place_is_refused() -> None:
    """Nobody has a token for it, not even an empty one."""
    assert Tides(1).answer("/v1/other", "Bearer ")[0] == 401
