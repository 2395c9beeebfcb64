"""A store that goes away costs nobody a row; what was left behind goes."""

from __future__ import annotations

import httpx
import pytest

from tests.faults import store
from tests.faults.outcome import Bench
from tests.faults.store_relay import BUSY, CUT_DOWN, CUT_UP, GONE, HUNG, REFUSED, StoreRelay

pytestmark = [pytest.mark.campaign, pytest.mark.slow]


def test_each_way_to_lose_a_store_is_survived(bench: Bench) -> None:
    """One case of each fault; nothing is lost, doubled, left behind."""
    outcome = store.campaign(bench, len(store.FAULTS), 2013)
    assert outcome.problems == []
    assert outcome.count == len(store.FAULTS)


def asked(relay: StoreRelay, method: str = "GET", seconds: float = 60) -> httpx.Response:
    """One request through the relay."""
    address = f"{relay.address}/bucket/object"
    return httpx.request(method, address, content=b"x" * 1000, timeout=seconds, trust_env=False)


def test_relay_loses_the_store_in_each_way() -> None:
    """What a client sees of each way; then all passes on again."""
    with store.stores() as address, StoreRelay(address) as relay:
        assert asked(relay).status_code == 404
        for way, sees in {
            GONE: httpx.RemoteProtocolError,
            CUT_UP: httpx.RemoteProtocolError,
            CUT_DOWN: httpx.RemoteProtocolError,
            HUNG: httpx.ReadTimeout,
        }.items():
            relay.lose(way)
            with pytest.raises(sees):
                asked(relay, "PUT" if way == CUT_UP else "GET", 1 if way == HUNG else 60)
        for way, status in {REFUSED: 403, BUSY: 503}.items():
            relay.lose(way, "PUT", passes=1, times=2)
            assert asked(relay).status_code == 404
            answers = [asked(relay, "PUT").status_code for _ in range(4)]
            assert answers == [404, status, status, 404]
        relay.calm()
        assert asked(relay).status_code == 404
    assert relay.struck == 8
