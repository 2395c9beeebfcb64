"""Whom a web server answers, as far as a request alone tells."""

from __future__ import annotations

import asyncio

import pytest

from watermain.process.door import HostDoor, SiteDoor, host_of

HOSTS = {
    "localhost": "localhost",
    "LocalHost:80": "localhost",
    "[::1]": "::1",
    "[::1]:3000": "::1",
    "a.example:443": "a.example",
    "a.example:": "a.example",
    "": None,
    ":80": None,
    "a b": None,
    "a,b": None,
    "user@localhost": None,
    "localhost:1x": None,
    "localhost/x": None,
    "[]": None,
    "::1": None,
}


@pytest.mark.parametrize("told", HOSTS)
def test_host_is_read_as_it_is_written(told: str) -> None:
    """A name or an address, without its port; what is neither is nothing."""
    assert host_of(told) == HOSTS[told]


def scope(
    method: str = "POST", path: str = "/graphql", query: str = "", **told: str
) -> dict[str, object]:
    """A request of a client of ours."""
    own = {k.replace("_", "-"): v for k, v in told.items()}
    headers = {"host": "localhost:3000", "content-type": "application/json", **own}
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        "server": ("10.1.2.3", 3000),
    }


async def nothing(*_: object) -> None:
    """Answer nothing."""


SITE, HOST = SiteDoor(nothing), HostDoor(nothing, ("data.example.org", "0.0.0.0"))


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (scope(), None),
        (scope(origin="http://localhost:3000"), None),
        (scope(origin="https://localhost:3000"), None),
        (scope(origin="http://localhost:3001"), 403),
        (scope(origin="http://localhost"), 403),
        (scope(origin="null"), 403),
        (scope(origin=""), 403),
        (scope(sec_fetch_site="same-site"), 403),
        (scope(sec_fetch_site="none"), None),
        (scope(content_type="text/plain"), 415),
        (scope(content_type="application/json; charset=utf-8"), None),
        (scope(content_type="application/jsonx"), 415),
        (scope("DELETE"), 415),
        (scope("GET", query="query=x"), 403),
        (scope("GET", path="/graphql/", query="query=x"), 403),
        (scope("GET"), None),
        (scope("GET", path="/assets", query="view=checks"), None),
        (scope("GET", path="/assets", sec_fetch_site="cross-site"), None),
        (scope(host="evil.example"), 421),
        (scope(host="10.1.2.3:3000", origin="http://10.1.2.3:3000"), None),
        (scope(host="10.1.2.4"), 421),
    ],
)
def test_site_door_lets_in_what_our_own_pages_ask(
    told: dict[str, object], status: int | None
) -> None:
    """Each rule by the one thing that breaks it."""
    refusal = SITE.refusal(told)
    assert (refusal and refusal.status) == status


def test_host_door_knows_the_names_of_its_settings() -> None:
    """An address that stands for every address is the name of none."""
    assert HOST.refusal(scope(host="data.example.org")) is None
    assert HOST.refusal(scope(host="DATA.example.org:443", origin="https://evil.example")) is None
    for host in ("0.0.0.0", "evil.data.example.org", "data.example.org."):
        refusal = HOST.refusal(scope(host=host))
        assert refusal is not None
        assert "WATERMAIN_HOSTS" in refusal.why


def test_host_door_tells_of_whom_it_refuses() -> None:
    """Each refusal is heard of once, and what is let in never."""
    denied: list[int] = []
    door = HostDoor(nothing, denied=lambda refusal: denied.append(refusal.status))
    for host in ("localhost", "evil.example"):
        asyncio.run(door(scope(host=host), nothing, nothing))  # type: ignore[arg-type]
    assert denied == [421]
