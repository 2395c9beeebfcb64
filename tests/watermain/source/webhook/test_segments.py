"""Segments hold whole events, however their writer ended."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import pytest

from watermain.declare.errors import SourceError
from watermain.source.webhook.segments import (
    UNKNOWN_BODY,
    Event,
    EventStore,
    EventWriter,
    body_print,
    key_print,
)

DELIVERIES = [(f"key-{n}".encode(), 1000 + n, bytes([n]) * n) for n in range(5)]


def written(folder: Path, *groups: list) -> EventStore:
    """A store with these deliveries, each group in one append."""
    writer = EventWriter(folder)
    for group in groups:
        writer.append(group)
    writer.close()
    return EventStore(folder)


def test_segments_give_back_what_was_stored(tmp_path: Path) -> None:
    """Keys, times, bodies, numbers without a gap."""
    store = written(tmp_path, DELIVERIES[:2], DELIVERIES[2:])
    assert list(store.events(0)) == [Event(n, *each) for n, each in enumerate(DELIVERIES)]
    assert [event.sequence for event in store.events(3)] == [3, 4]
    assert (store.end(), store.size()) == (5, sum(e.size for e in store.events(0)))


def test_segments_lose_only_the_torn_end(tmp_path: Path) -> None:
    """Cut off at any byte, a store gives the events before it; a new writer goes on there."""
    whole = written(tmp_path / "whole", DELIVERIES)
    (file,) = whole.segments()
    data = file.read_bytes()
    ends = list(itertools.accumulate(e.size for e in whole.events(0)))
    for cut in range(len(data) + 1):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / file.name).write_bytes(data[:cut])
        kept = sum(end <= cut for end in ends)
        assert EventStore(folder).end() == kept
        store = written(folder, [(b"after", 1, b"a")])
        found = [event.body for event in store.events(0)]
        assert found == [body for _, _, body in DELIVERIES[:kept]] + [b"a"]


def test_segments_notice_damage_before_the_end(tmp_path: Path) -> None:
    """A flipped bit in a finished segment stops the reader instead of a quiet loss."""
    written(tmp_path, DELIVERIES)
    store = written(tmp_path, [(b"after", 1, b"a")])
    first = store.segments()[0]
    data = bytearray(first.read_bytes())
    data[-1] ^= 1
    first.write_bytes(data)
    with pytest.raises(SourceError, match="ends at 4, before its successor"):
        list(store.events(0))


def test_segments_notice_a_missing_one(tmp_path: Path) -> None:
    """Numbers that jump are no events."""
    for number in range(3):
        store = written(tmp_path, [(b"k%d" % number, 1, b"a")])
    store.segments()[1].unlink()
    with pytest.raises(SourceError, match="before its successor"):
        list(store.events(0))


def test_segments_keep_the_keys_of_deleted_events(tmp_path: Path) -> None:
    """A key is remembered for as long as it is asked for."""
    for delivery in DELIVERIES:
        store = written(tmp_path, [delivery])
    store.forget(3)
    assert len(store.segments()) == 2
    wanted = [(key_print(key), at, body_print(body)) for key, at, body in DELIVERIES]
    assert list(store.keys(0)) == wanted
    assert list(store.keys(1001)) == wanted[1:]
    assert len(list(tmp_path.glob("*.prints"))) == 2
    store.forget(3)
    assert list(store.keys(1001)) == wanted[1:]


def test_segments_read_the_keys_that_a_release_before_left(tmp_path: Path) -> None:
    """They stand without a print of the body, until they are old."""
    store = written(tmp_path, DELIVERIES)
    old = [(key_print(b"x"), 500), (key_print(b"y"), 700)]
    left = tmp_path / f"{0:020}.keys"
    left.with_suffix(".events").rename(tmp_path / f"{7:020}.events")
    left.write_bytes(b"".join(struct.pack(">32sq", *each) for each in old))
    found = list(store.keys(0))
    assert found[:2] == [(*each, UNKNOWN_BODY) for each in old]
    assert [key for key, *_ in found[2:]] == [key_print(key) for key, *_ in DELIVERIES]
    assert not {key for key, *_ in store.keys(1000)} & {key for key, _ in old}
    assert not left.exists()


def test_segments_survive_a_stop_between_keys_and_deletion(tmp_path: Path) -> None:
    """A segment beside its own keys counts once."""
    written(tmp_path, DELIVERIES[:1])
    store = written(tmp_path, DELIVERIES[1:])
    first = store.segments()[0]
    data = first.read_bytes()
    store.forget(1)
    first.write_bytes(data)
    assert len(list(store.keys(0))) == 5
    assert [event.sequence for event in store.events(0)] == [0, 1, 2, 3, 4]


def test_store_has_a_name_of_its_own(tmp_path: Path) -> None:
    """The name stays with the folder."""
    one, other = written(tmp_path / "one"), written(tmp_path / "other")
    assert one.identity() == written(tmp_path / "one").identity() != other.identity()
    assert EventStore(tmp_path).identity() is None
    assert (one.end(), one.size(), list(one.events(0))) == (0, 0, [])
