"""Tests of the movement bus over the embedded broker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from demo.bus import PARTITIONS, TOPIC, Bus, Sent, follow_movements, publish_stretch, settle
from demo.calendar import days_between, source_day
from demo.movements import Movement, movements
from demo.pace import AT_ONCE, FOREVER, Pace
from demo.replay import BEGINNING
from tests.ports import free_port
from watermain.declare.errors import UnreachableSystemError
from watermain.process.broker import EmbeddedBroker
from watermain.source.kafka.kafka_log import Log

DAY = [date(2013, 1, 1)]
NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker of its own."""
    found = EmbeddedBroker(log=tmp_path / "broker.log")
    found.start()
    yield found
    found.stop()


def held(broker: EmbeddedBroker) -> list[tuple[int, str, str, object]]:
    """Give what the topic holds, oldest first: sent, flight, what was said, headers."""
    found = []
    with Log(TOPIC, "test", lambda: broker.address, "test") as log:
        lows = {partition: marks.low for partition, marks in log.marks().items()}
        for partition, end in log.ends(lows).items():
            reading = log.reading(partition, lows[partition], end.high)
            while not reading.is_done:
                for message in reading.take(1000, 10**8)[0]:
                    key, value = message.key(), message.value()
                    assert key is not None
                    assert value is not None
                    sent_at = message.timestamp()[1]
                    found.append((sent_at, key.decode(), value.decode(), message.headers()))
    return sorted(found, key=lambda each: each[:3])


@dataclass(frozen=True)
class Follower:
    """Whoever publishes today's movements, with the file in which it says how far."""

    broker: EmbeddedBroker
    path: Path

    def follow(self, start: datetime, until: datetime, since: date | None = None) -> int:
        """Follow today's movements for a while; give the number of messages."""
        counts: list[int] = []
        follow_movements(
            Bus(self.broker.address),
            7,
            Pace(start, until, AT_ONCE),
            Sent(self.path),
            since=since,
            tell=lambda count, _: counts.append(count),
        )
        return sum(counts)


@pytest.fixture
def follower(broker: EmbeddedBroker, tmp_path: Path) -> Follower:
    """A follower that has sent nothing yet."""
    return Follower(broker, tmp_path / "movements.json")


def told(first: date, after: datetime, until: datetime) -> list[tuple[int, str, str]]:
    """What flights of days from `first` on tell between two instants."""
    days = {day: source_day(day) for day in days_between(first, date(2026, 11, 28))}
    return [(m.sent_at, m.flight_id, m.value) for m in movements(days, 7, after=after, until=until)]


def test_messages_are_keyed_by_flight_on_several_partitions(broker: EmbeddedBroker) -> None:
    """The correlation id is a header; a flight stays on its partition."""
    bus = Bus(broker.address)
    sent = list(movements({DAY[0]: DAY[0]}, 7, after=BEGINNING, until=FOREVER))
    assert bus.publish(sent) == len(sent)
    found = held(broker)
    expected = sorted((m.sent_at, m.flight_id, m.value) for m in sent)
    assert [each[:3] for each in found] == expected
    ids = {m.correlation_id.encode() for m in sent}
    assert {value for *_, headers in found for _, value in headers} == ids  # type: ignore[attr-defined]
    with Log(TOPIC, "test", lambda: broker.address, "test") as log:
        ends = log.ends(dict.fromkeys(log.marks(), 0))
    assert len(ends) == PARTITIONS
    assert all(end.high > 100 for end in ends.values())


def test_stretch_is_published_once_for_each_topic_until_it_is_settled(
    broker: EmbeddedBroker, connection: psycopg.Connection, tmp_path: Path
) -> None:
    """A bus that lost its memory before anybody listened gets the days again."""
    first = publish_stretch(connection, Bus(broker.address), DAY, 7, FOREVER)
    assert first == len(held(broker)) > 3000
    assert publish_stretch(connection, Bus(broker.address), DAY, 7, FOREVER) == 0
    broker.stop()
    broker.start()
    assert publish_stretch(connection, Bus(broker.address), DAY, 7, FOREVER) == first
    settle(connection)
    broker.stop()
    broker.start()
    assert publish_stretch(connection, Bus(broker.address), DAY, 7, FOREVER) == 0
    assert held(broker) == []


def test_empty_bus_gets_the_last_hours_first(follower: Follower) -> None:
    """Six hours before noon, then an hour of the day itself."""
    count = follower.follow(NOON, NOON + timedelta(hours=1))
    found = [datetime.fromtimestamp(sent / 1000, UTC) for sent, *_ in held(follower.broker)]
    assert len(found) == count > 500
    assert NOON - timedelta(hours=6) < found[0] < NOON - timedelta(hours=5)
    assert NOON + timedelta(minutes=50) < found[-1] <= NOON + timedelta(hours=1)


def test_follower_goes_on_where_another_stopped(follower: Follower) -> None:
    """Nothing is missing, nothing comes twice, however long nobody published."""
    half, end = NOON + timedelta(minutes=30), NOON + timedelta(hours=9)
    count = follower.follow(NOON, half)
    again = follower.follow(half + timedelta(hours=8), end)
    assert count > 0
    assert again > 0
    expected = told(date(2026, 11, 22), NOON - timedelta(hours=6), end)
    assert [each[:3] for each in held(follower.broker)] == expected


def test_loaded_days_are_continued_without_a_gap(follower: Follower) -> None:
    """Of the days before none is told, though some of their flights land after midnight."""
    since, end = date(2026, 11, 22), NOON + timedelta(hours=1)
    midnight = datetime(2026, 11, 22, 5, tzinfo=UTC)
    loaded = follower.follow(NOON, NOON, since)
    assert loaded > 5000
    assert follower.follow(NOON + timedelta(minutes=20), end, since) > 0
    found = [each[:3] for each in held(follower.broker)]
    assert found == told(since, midnight, end)
    assert len(told(date(2026, 11, 21), midnight, end)) > len(found)


def test_topic_made_anew_gets_the_hours_again_that_may_have_been_unread(
    follower: Follower,
) -> None:
    """Those before the last message, and all since; days pass in between."""
    follower.follow(NOON, NOON + timedelta(hours=1))
    follower.broker.stop()
    follower.broker.start()
    later = NOON + timedelta(days=2)
    follower.follow(later, later)
    expected = told(date(2026, 11, 22), NOON - timedelta(hours=5), later)
    assert [each[:3] for each in held(follower.broker)] == expected


def test_topic_made_anew_stops_the_publisher(broker: EmbeddedBroker) -> None:
    """It is started again by whoever looks after it; then the bus gets the last hours."""
    bus = Bus(broker.address)
    broker.stop()
    broker.start()
    Bus(broker.address)
    with pytest.raises(UnreachableSystemError, match="topic movements was made anew"):
        bus.prove()


def test_bus_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four lines, with what to do."""
    monkeypatch.setattr("demo.bus.ANSWER_SECONDS", 1.0)
    with pytest.raises(UnreachableSystemError, match="the movement bus at 127") as seen:
        Bus(f"127.0.0.1:{free_port()}").publish([Movement(0, "e", "c", "f", "{}")])
    assert seen.value.next == "start the bus, then run the same command again"
