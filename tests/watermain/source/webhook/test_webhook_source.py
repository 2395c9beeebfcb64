"""What the source of webhooks promises beyond what every source does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watermain.source.kinds import Ledger
from tests.watermain.source.web_kinds import WebhookKind
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.source.protocol import Limit
from watermain.source.webhook.segments import EventStore, EventWriter


@pytest.fixture
def kind(tmp_path: Path) -> WebhookKind:
    """An endpoint of which only the store is used."""
    return WebhookKind(tmp_path / "home")


@pytest.fixture
def writer(kind: WebhookKind) -> Iterator[EventWriter]:
    """The one who appends to the store."""
    made = EventWriter(kind.folder / "inbox", segment_bytes=1)
    yield made
    made.close()


def store(writer: EventWriter, *bodies: bytes) -> None:
    """Store one event for each body."""
    for body in bodies:
        writer.append([(f"key-{writer.next}".encode(), 1_357_000_000_000_000, body)])


def test_webhook_tells_where_rows_came_from(
    kind: WebhookKind, writer: EventWriter, ledger: Ledger
) -> None:
    """Key, number, row, time of arrival stand beside each row; an object is one row."""
    store(writer, b'{"id": 1}', b'[{"id": 2}, {"id": 3}]', b"[]")
    (seen,) = ledger.capture(kind.open())
    assert ledger.rows("id", "_event", "_sequence", "_row") == [
        ("1", "key-0", 0, 1),
        ("2", "key-1", 1, 1),
        ("3", "key-1", 1, 2),
    ]
    assert str(seen.rows["_delivered_at"][0]) == "2013-01-01 00:26:40+00:00"
    assert seen.end == "3"
    assert seen.shard.startswith("webhook/")


@pytest.mark.parametrize(
    ("body", "reason", "payload"),
    [
        (b"{", "it is no JSON", "{"),
        (b"", "it is no JSON", ""),
        (b"\xff", "it is no JSON", "\\xff"),
        (b"[" * 100_000, "it is nested too deeply", "[" * 2**16),
        (b'["x"]', "it is no object", '"x"'),
        (b'{"id": 1, "id": 2}', "it names something twice", '{"id":1,"id":2}'),
    ],
)
def test_webhook_rejects_what_is_no_row(
    body: bytes, reason: str, payload: str, kind: WebhookKind, ledger: Ledger
) -> None:
    """It was accepted, so it is kept, with the reason."""
    writer = EventWriter(kind.folder / "inbox")
    store(writer, body, b'{"id": 1}')
    writer.close()
    (seen,) = ledger.capture(kind.open())
    assert seen.rejected == [{"position": "0/1", "reason": reason, "payload": payload}]
    assert ledger.rows("id") == [("1",)]


def test_webhook_closes_a_batch_by_bytes(
    kind: WebhookKind, writer: EventWriter, ledger: Ledger
) -> None:
    """Whole events, until the limit is passed."""
    store(writer, *[b'{"id": 1}'] * 5)
    ledger.capture(kind.open(), Limit(bytes=10))
    assert [each.end for each in ledger.seen] == ["2", "4", "5"]


def test_webhook_deletes_only_what_is_acknowledged(
    kind: WebhookKind, writer: EventWriter, ledger: Ledger
) -> None:
    """Segments stay until the lake has them; the last one stays always."""
    folder = EventStore(kind.folder / "inbox")
    store(writer, b'{"id": 1}', b'{"id": 2}', b'{"id": 3}')
    ledger.capture(kind.open(), acknowledge=False)
    assert len(folder.segments()) == 3
    (shard,) = ledger.positions
    kind.open().acknowledge({shard: "2"})
    assert [path.name for path in folder.segments()] == [f"{2:020}.events"]
    kind.open().acknowledge({shard: "3"})
    assert [path.name for path in folder.segments()] == [f"{2:020}.events"]
    assert kind.open().backlog().rows == 0


def test_webhook_begins_a_new_shard_when_the_store_is_new(
    kind: WebhookKind, ledger: Ledger, tmp_path: Path
) -> None:
    """A lost folder stops nobody, nor is one taken for the other."""
    for turn in range(2):
        made = EventWriter(kind.folder / "inbox")
        store(made, b'{"id": %d}' % turn)
        made.close()
        ledger.capture(kind.open())
        (kind.folder / "inbox").rename(tmp_path / f"lost-{turn}")
    assert ledger.rows("id") == [("0",), ("1",)]
    assert len(ledger.positions) == 2


def test_webhook_refuses_to_pass_over_lost_events(
    kind: WebhookKind, writer: EventWriter, ledger: Ledger
) -> None:
    """Events that are gone before they were read, or a store that lost its end."""
    store(writer, b'{"id": 1}', b'{"id": 2}', b'{"id": 3}')
    EventStore(kind.folder / "inbox").forget(2)
    with pytest.raises(SourceError, match="events 0 to 1 are gone"):
        ledger.capture(kind.open())
    shard = f"webhook/{EventStore(kind.folder / 'inbox').identity()}"
    ledger.positions[shard] = "9"
    with pytest.raises(SourceError, match="9 events are in the lake, 3 were stored"):
        ledger.capture(kind.open())


def test_webhook_is_verified_once_somebody_listens(kind: WebhookKind) -> None:
    """Before that, the next step is the command."""
    with pytest.raises(UnreachableSystemError, match="nobody takes the events") as told:
        kind.open().verify()
    assert told.value.next == "watermain listen"
    assert kind.open().backlog().is_empty
    kind.open().acknowledge({"webhook/": "3"})
    EventWriter(kind.folder / "inbox").close()
    kind.open().verify()


def test_webhook_stops_reading_when_time_is_up(
    kind: WebhookKind, writer: EventWriter, ledger: Ledger
) -> None:
    """What was begun is given, the rest the next time."""
    store(writer, *[b'{"id": 1}'] * 3)
    ledger.capture(kind.open(), Limit(seconds=0))
    assert len(ledger.rows()) == 1
    ledger.capture(kind.open())
    assert len(ledger.rows()) == 3
