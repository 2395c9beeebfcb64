"""The journal in which the small MQTT broker keeps its sessions over a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from demo.mqtt_packets import Message

SCHEMA = """
create table if not exists session (client text primary key, expires_after integer not null);
create table if not exists filter (
    client text, pattern text, qos integer not null, primary key (client, pattern)
);
create table if not exists message (
    number integer primary key autoincrement, client text not null, packet integer,
    topic text not null, payload blob not null
);
"""


class Journal:
    """Write down sessions, their filters, and what each is owed; in memory without a path.

    Guarantees: what was written survives the end of the process, however it ends.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        # Made by one thread and used by the one that serves, but never by two at once.
        self._file = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False
        )
        self._file.execute("pragma journal_mode = wal")
        self._file.execute("pragma synchronous = normal")
        self._file.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def sessions(self) -> Iterator[tuple[str, int, dict[str, int]]]:
        """Give each session: client, seconds until it expires, and filters."""
        with closing(self._file.execute("select client, expires_after from session")) as found:
            for client, expires_after in found.fetchall():
                rows = self._file.execute(
                    "select pattern, qos from filter where client = ?", [client]
                )
                yield client, expires_after, dict(rows.fetchall())

    def owed(self, client: str) -> Iterator[tuple[int, int | None, Message]]:
        """Give what a client is owed, in order: number, packet id if it was sent, and message."""
        rows = self._file.execute(
            "select number, packet, topic, payload from message where client = ? order by number",
            [client],
        )
        for number, packet, topic, payload in rows.fetchall():
            yield number, packet, Message(topic, payload, 1)

    def open(self, client: str, expires_after: int) -> None:
        """Remember a session."""
        self._file.execute("insert or replace into session values (?, ?)", [client, expires_after])

    def end(self, client: str) -> None:
        """Forget a session and all that it is owed."""
        for table in ("session", "filter", "message"):
            self._file.execute(f"delete from {table} where client = ?", [client])

    def subscribe(self, client: str, pattern: str, qos: int) -> None:
        """Remember a filter."""
        self._file.execute("insert or replace into filter values (?, ?, ?)", [client, pattern, qos])

    def unsubscribe(self, client: str, pattern: str) -> None:
        """Forget a filter."""
        self._file.execute("delete from filter where (client, pattern) = (?, ?)", [client, pattern])

    def add(self, client: str, message: Message) -> int:
        """Owe a message to a client; give its number."""
        done = self._file.execute(
            "insert into message (client, topic, payload) values (?, ?, ?)",
            [client, message.topic, message.payload],
        )
        return int(done.lastrowid or 0)

    def sent(self, number: int, packet: int) -> None:
        """Remember under which packet id a message went out."""
        self._file.execute("update message set packet = ? where number = ?", [packet, number])

    def confirmed(self, number: int) -> None:
        """Owe a message no longer."""
        self._file.execute("delete from message where number = ?", [number])
