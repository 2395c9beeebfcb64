"""Strangers who stand still do not keep honest senders out."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.watermain.source.web_server import served
from watermain.source.webhook import patience
from watermain.source.webhook.patience import PatientProtocol

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"


async def echo(request: Request) -> PlainTextResponse:
    """Answer with the body."""
    return PlainTextResponse(await request.body())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A server that waits for half a second."""
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(patience, "BODY_SECONDS", 0.5)
    app = Starlette(routes=[Route("/", echo, methods=["POST"])])
    with served(app, http=PatientProtocol) as address:
        host, port = address.removeprefix("http://").split(":")
        yield host, int(port)


def closed(connection: socket.socket) -> bytes:
    """What comes before the server hangs up."""
    connection.settimeout(30)
    parts = []
    try:
        while part := connection.recv(1000):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.mark.parametrize(
    "sent",
    [b"", b"P", b"POST / HTTP/1.1\r\nHost: x\r\n", REQUEST[:-1], REQUEST[:-4]],
    ids=["nothing", "a byte", "half a head", "most of a body", "no body"],
)
def test_connection_that_stands_still_is_closed(server: tuple[str, int], sent: bytes) -> None:
    """Whatever it had sent so far."""
    with socket.create_connection(server) as connection:
        connection.sendall(sent)
        assert b"200 OK" not in closed(connection)


def test_connection_that_drips_is_closed(server: tuple[str, int]) -> None:
    """A byte now and then does not win more time."""
    with socket.create_connection(server) as connection:
        sent = 0
        for byte in REQUEST[:-1]:
            try:
                connection.sendall(bytes([byte]))
            except (BrokenPipeError, ConnectionResetError):
                break
            sent += 1
            time.sleep(0.05)
        assert sent < len(REQUEST) - 1


def test_second_request_of_a_connection_has_its_own_time(
    server: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An idle connection that was honest before is left to its keep-alive."""
    monkeypatch.setattr(patience, "HEAD_SECONDS", 3)  # so that a busy machine is honest, too
    monkeypatch.setattr(patience, "BODY_SECONDS", 30)
    with httpx.Client(trust_env=False, base_url=f"http://{server[0]}:{server[1]}") as client:
        assert client.post("/", content=b"one").text == "one"
        time.sleep(3.5)
        assert client.post("/", content=b"two").text == "two"


def test_peer_has_at_most_so_many_connections(
    server: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond them 429, until some of them are closed."""
    monkeypatch.setattr(patience, "MOST_PER_PEER", 4)
    monkeypatch.setattr(patience, "HEAD_SECONDS", 30)
    monkeypatch.setattr(patience, "BODY_SECONDS", 30)
    with ExitStack() as stack:
        strangers = [stack.enter_context(socket.create_connection(server)) for _ in range(4)]
        time.sleep(0.5)
        with socket.create_connection(server) as one_more:
            assert closed(one_more).startswith(b"HTTP/1.1 429")
        strangers.pop().close()
        until = time.monotonic() + 30
        while True:
            with socket.create_connection(server) as honest:
                honest.sendall(REQUEST.replace(b"Host", b"Connection: close\r\nHost"))
                if closed(honest).startswith(b"HTTP/1.1 200"):
                    break
            assert time.monotonic() < until
