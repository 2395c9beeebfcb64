"""The movement bus, a broker of Kafka's protocol that carries what aircraft report."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from demo.calendar import days_between, local_day, source_day, start_of
from demo.movements import Movement, movements
from demo.pace import Pace
from demo.replay import BEGINNING, Told
from watermain import durable
from watermain.declare.errors import UnreachableSystemError
from watermain.source.kafka.kafka_log import Log

TOPIC, PARTITIONS = "movements", 4
RETAINED = timedelta(hours=6)
LONGEST_FLIGHT = timedelta(days=2)
ANSWER_SECONDS = 20.0
MOST_WAITING = 100_000

PUBLISHED = """
create table if not exists demo.published (
    flight_date date primary key, topic_id text not null, settled boolean not null default false
)
"""
KNOWN = "select flight_date from demo.published where settled or topic_id = %s"
REMEMBER = """
insert into demo.published (flight_date, topic_id) values (%s, %s)
on conflict (flight_date) do update set topic_id = excluded.topic_id
"""


class Bus:
    """Publish to one topic, which is made when it is not there.

    Guarantees: messages go out in the order given, keyed by flight, and `publish` returns when the
    broker has all of them.
    Raises: UnreachableSystemError.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        words: dict[str, Any] = {"bootstrap.servers": address, "log_level": 0}
        self._producer = Producer(
            {**words, "linger.ms": 20, "queue.buffering.max.messages": 2 * MOST_WAITING}
        )
        admin = AdminClient(words)  # held, or else its answer never comes
        made = admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
        try:
            made[TOPIC].result(ANSWER_SECONDS)
        except TimeoutError as error:
            raise self._error("it does not answer") from error
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise self._error(error.args[0].str()) from error
        self.topic_id = self._log().topic_id()

    def publish(self, messages: Iterable[Movement]) -> int:
        """Send messages and wait until the broker has them; give their number."""
        failed: list[str] = []
        count = 0

        def delivered(error: KafkaError | None, _: object) -> None:
            if error is not None:
                failed.append(error.str())

        for each in messages:
            self._producer.produce(
                TOPIC,
                key=each.flight_id,
                value=each.value,
                headers={"correlation-id": each.correlation_id},
                timestamp=each.sent_at,
                on_delivery=delivered,
            )
            self._producer.poll(0)
            count += 1
            if count % MOST_WAITING == 0:
                self._producer.flush(ANSWER_SECONDS)
        left = self._producer.flush(ANSWER_SECONDS)
        if failed or left:
            raise self._error(failed[0] if failed else f"{left} messages were not taken")
        return count

    def prove(self) -> None:
        """Prove that the topic is still the one that was found at the start."""
        if self._log().topic_id() != self.topic_id:
            raise self._error(f"topic {TOPIC} was made anew")

    def _log(self) -> Log:
        return Log(TOPIC, "demo", lambda: self.address, "demo/bus.py")

    def _error(self, what: str) -> UnreachableSystemError:
        return UnreachableSystemError(
            f"the movement bus at {self.address}: {what}",
            declared="demo/bus.py",
            data="what it carried lies in its memory only; the last hours are published again",
            next="start the bus, then run the same command again",
        )


def publish_stretch(
    connection: psycopg.Connection, bus: Bus, days: Sequence[date], seed: int, until: datetime
) -> int:
    """Publish the messages about days of 2013, except those that the topic has or had to have.

    Guarantees: a topic that was made anew gets the days again until `settle` was called.
    """
    connection.execute(PUBLISHED)
    known = {day for (day,) in connection.execute(KNOWN, [bus.topic_id]).fetchall()}
    left = [day for day in days if day not in known]
    if not left:
        return 0
    wanted = {day: day for day in left}
    count = bus.publish(movements(wanted, seed, after=BEGINNING, until=until))
    with connection.cursor() as cursor:
        cursor.executemany(REMEMBER, [(day, bus.topic_id) for day in left])
    return count


def settle(connection: psycopg.Connection) -> None:
    """Remember that whoever listens has had the days published so far."""
    connection.execute(PUBLISHED)
    connection.execute("update demo.published set settled = true")


class Sent:
    """Keep, in a file, up to when the messages of today's world were sent, and to which topic.

    Guarantees: it is written when the broker has the messages, so that after a kill some are sent
    twice, but none is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def until(self, topic_id: str) -> datetime | None:
        """Give the instant up to which whoever listens has had, or may still have, the messages.

        A topic that was made anew has lost what was not yet read: it gets the last hours again.
        """
        if not self.path.exists():
            return None
        held = json.loads(self.path.read_text())
        lost = timedelta(0) if held["topic"] == topic_id else RETAINED
        return datetime.fromisoformat(held["until"]) - lost

    def write(self, topic_id: str, until: datetime) -> None:
        """Write down how far the messages are sent."""
        durable.replace(self.path, json.dumps({"topic": topic_id, "until": until.isoformat()}))


def follow_movements(
    bus: Bus, seed: int, pace: Pace, sent: Sent, *, since: date | None = None, tell: Told
) -> None:
    """Publish today's messages when they are due, until the pace is over.

    It goes on where it stopped; the first time it begins with the flights of `since`, or else with
    the last hours. Flights of days before `since` are nobody's.
    """
    begin = start_of(since).astimezone(UTC) if since else pace.start - RETAINED
    done = sent.until(bus.topic_id) or begin
    done = max(done, begin) if since else done
    due: deque[Movement] = deque()
    tomorrow = done
    while True:
        over, now = pace.over(), pace.now()
        if now >= tomorrow:
            tomorrow = start_of(local_day(now) + timedelta(days=1))
            days = days_between(local_day(done - LONGEST_FLIGHT), local_day(tomorrow))
            wanted = {day: source_day(day) for day in days if not since or day >= since}
            due = deque(movements(wanted, seed, after=done, until=tomorrow))
        bus.prove()
        count = bus.publish(_taken(due, now))
        if count:
            tell(count, now)
        if count or over:
            sent.write(bus.topic_id, now)
        done = now
        if over:
            return
        pace.wait_until(_instant(due[0]) if due else tomorrow)


def _taken(due: deque[Movement], now: datetime) -> list[Movement]:
    taken = []
    while due and _instant(due[0]) <= now:
        taken.append(due.popleft())
    return taken


def _instant(message: Movement) -> datetime:
    return datetime.fromtimestamp(message.sent_at / 1000, UTC)
