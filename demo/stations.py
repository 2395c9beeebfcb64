"""The field stations, devices that tell over MQTT what their instruments read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from demo.calendar import start_of
from demo.pace import Pace
from demo.replay import Told
from demo.sky import AIRPORTS, INSTRUMENTS, Sky
from watermain import durable
from watermain.clock import EPOCH
from watermain.declare.errors import UnreachableSystemError

EVERY = timedelta(seconds=5)
HOUR = timedelta(hours=1)
BACKLOG = timedelta(minutes=5)
ANSWER_SECONDS = 20.0


class Memory:
    """Keep, in a file, the last number of every device and what is not yet confirmed.

    Guarantees: a number is written down before its message is sent, so that none names two
    messages, and what may not have arrived is sent again as it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        held = json.loads(path.read_text()) if path.exists() else {}
        self.sequences: dict[str, int] = held.get("sequences", {})
        self.unconfirmed: dict[str, str] = held.get("unconfirmed", {})
        self.last_at = datetime.fromisoformat(held["last_at"]) if held.get("last_at") else None

    def next(self, device: str) -> int:
        """Give a device its next number."""
        self.sequences[device] = self.sequences.get(device, 0) + 1
        return self.sequences[device]

    def write(self, unconfirmed: dict[str, str], at: datetime | None = None) -> None:
        """Write down the numbers and the messages about to be sent, by topic; when they were read.

        Without an instant that is as before.
        """
        self.unconfirmed, self.last_at = unconfirmed, at or self.last_at
        held = {
            "sequences": self.sequences,
            "unconfirmed": self.unconfirmed,
            "last_at": self.last_at.isoformat() if self.last_at else None,
        }
        durable.replace(self.path, json.dumps(held))


class Stations:
    """Speak for the station of each airport, which has one instrument of each kind.

    Guarantees: a message is confirmed by the broker before the next ones are sent.
    Raises: UnreachableSystemError.
    """

    def __init__(self, clients: dict[str, Client], memory: Memory, sky: Sky, address: str) -> None:
        self._clients, self._memory, self._sky = clients, memory, sky
        self._address = address
        if memory.unconfirmed:
            self._send(memory.unconfirmed)

    @property
    def last_at(self) -> datetime | None:
        """When the instruments were read last; None for new ones."""
        return self._memory.last_at

    def measure(self, at: datetime) -> int:
        """Tell what every instrument reads at an instant; give the number of messages."""
        messages = {}
        for airport in AIRPORTS:
            for name, instrument in INSTRUMENTS.items():
                device = f"{airport}-{name}"
                message = {
                    "device": device,
                    "sequence": self._memory.next(device),
                    "airport": airport,
                    "instrument": name,
                    "value": self._sky.reading(airport, name, at),
                    "unit": instrument.unit,
                    "measured_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                }
                messages[f"stations/{airport}/telemetry/{name}"] = json.dumps(message)
        self._memory.write(messages, at)
        self._send(messages)
        return len(messages)

    def _send(self, messages: dict[str, str]) -> None:
        sent = [
            self._clients[topic.split("/")[1]].publish(topic, payload, qos=1)
            for topic, payload in messages.items()
        ]
        for each in sent:
            with suppress(RuntimeError, ValueError):  # not connected; said below
                each.wait_for_publish(ANSWER_SECONDS)
            if not each.is_published():
                raise _silent(self._address)
        self._memory.write({})


@contextmanager
def connected_stations(address: str, memory: Memory, sky: Sky) -> Iterator[Stations]:
    """Connect a client for each airport; one that is lost says so by its last will."""
    parts = urlsplit(address)
    with ExitStack() as after:
        clients = {}
        for airport in AIRPORTS:
            client = Client(CallbackAPIVersion.VERSION2, f"station-{airport}", protocol=MQTTv5)
            status = f"stations/{airport}/status"
            client.will_set(status, json.dumps({"airport": airport, "status": "lost"}), qos=1)
            try:
                client.connect(parts.hostname or "", parts.port or 1883)
            except OSError as error:
                raise _silent(address) from error
            client.loop_start()
            after.callback(client.loop_stop)
            after.callback(client.disconnect)
            clients[airport] = client
        yield Stations(clients, memory, sky, address)


def follow_sky(stations: Stations, pace: Pace, *, since: date | None = None, tell: Told) -> None:
    """Measure every few seconds until the pace is over.

    Of the time before, the stations kept one reading an hour: that since they told last or, the
    first time, since the day `since`. New ones send the last minutes whole.
    """
    now, last = pace.now(), stations.last_at
    due = _next(now if last else now - BACKLOG)
    begin = last or (start_of(since).astimezone(UTC) - EVERY if since else due)
    for hour in _hours(begin, due):
        if pace.stopped():
            return
        tell(stations.measure(hour), hour)
    while True:
        over, now = pace.over(), pace.now()
        while due <= now and not pace.stopped():
            tell(stations.measure(due), due)
            due = _next(due)
        if over:
            return
        pace.wait_until(due)
        due = max(due, _next(pace.now() - EVERY))


def _hours(after: datetime, before: datetime) -> Iterator[datetime]:
    """The full hours between two instants, neither of them included."""
    at = after.replace(minute=0, second=0, microsecond=0) + HOUR
    while at < before:
        yield at
        at += HOUR


def _next(moment: datetime) -> datetime:
    return EPOCH + ((moment - EPOCH) // EVERY + 1) * EVERY


def _silent(address: str) -> UnreachableSystemError:
    return UnreachableSystemError(
        f"the broker of the field stations at {address} does not answer",
        declared="demo/stations.py",
        data="what it may not have is kept; it is sent again",
        next="start the broker, then run the same command again",
    )
