"""Lines over the socket are whole, bounded, private."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from watermain.process import wire


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a connection."""
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def test_line_arrives_whole_from_pieces(ends: tuple[socket.socket, socket.socket]) -> None:
    """A line may come in any number of pieces."""
    for piece in (b'{"do": "pi', b'ng", "nu', b'mber": 1}\n'):
        ends[0].sendall(piece)
    assert wire.receive(ends[1]) == {"do": "ping", "number": 1}


def test_line_break_within_a_value_is_escaped(ends: tuple[socket.socket, socket.socket]) -> None:
    """A value may hold anything that JSON can say."""
    wire.send(ends[0], {"text": "two\nlines é"})
    assert wire.receive(ends[1]) == {"text": "two\nlines é"}


@pytest.mark.parametrize(
    ("raw", "told"),
    [(b'{"half', "no whole line"), (b"no json\n", "not a JSON line"), (b"[1]\n", "not a JSON obj")],
)
def test_noise_is_refused(ends: tuple[socket.socket, socket.socket], raw: bytes, told: str) -> None:
    """Half a line, no JSON, JSON of another shape."""
    ends[0].sendall(raw)
    ends[0].shutdown(socket.SHUT_WR)
    with pytest.raises(wire.BrokenLineError, match=told):
        wire.receive(ends[1])


def test_endless_line_is_cut(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody fills our memory."""
    monkeypatch.setattr(wire, "MOST_BYTES", 1000)
    ends[0].sendall(b"x" * 2000)
    with pytest.raises(wire.BrokenLineError, match="no whole line in 2000 bytes"):
        wire.receive(ends[1])


def test_socket_works_in_a_folder_with_a_very_long_name(tmp_path: Path) -> None:
    """A socket's path is short, a data folder's need not be."""
    folder = tmp_path / ("long" * 30) / ("name" * 30)
    folder.mkdir(parents=True)
    with wire.listen(folder) as server:
        seen = []

        def serve() -> None:
            client, _ = server.accept()
            with client:
                seen.append((wire.same_user(client), wire.receive(client)))
                wire.send(client, {"answer": 42})

        thread = threading.Thread(target=serve)
        thread.start()
        assert wire.ask(folder, {"do": "ping"}, 10.0) == {"answer": 42}
        thread.join()
    assert seen == [(True, {"do": "ping"})]


def test_stale_socket_is_replaced(tmp_path: Path) -> None:
    """What a killed server left behind refuses its clients, hinders no successor."""
    with pytest.raises(FileNotFoundError):
        wire.ask(tmp_path, {}, 1.0)
    wire.listen(tmp_path).close()
    with pytest.raises(ConnectionRefusedError):
        wire.ask(tmp_path, {}, 1.0)
    wire.listen(tmp_path).close()


def test_silent_server_costs_the_patience_only(tmp_path: Path) -> None:
    """A server that accepts but never answers is given up."""
    with wire.listen(tmp_path), pytest.raises(TimeoutError):
        wire.ask(tmp_path, {"do": "ping"}, 0.05)
