"""A listener that keeps what an MQTT broker sends it."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

import paho.mqtt.client as paho


class Listener:
    """Listen to one topic filter on a thread of its own."""

    def __init__(self, port: int, pattern: str) -> None:
        self._port, self._pattern = port, pattern
        self._got: list[bytes] = []
        self._ready: list[bool] = []
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, "listener", protocol=paho.MQTTv5
        )
        self._client.on_message = lambda _c, _u, message: self._got.append(message.payload)
        self._client.on_subscribe = lambda *_: self._ready.append(True)

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        self._client.subscribe(self._pattern, qos=1)
        self._wait(lambda: bool(self._ready))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def until(self, count: int) -> list[bytes]:
        """Give what came, once it is at least so much."""
        self._wait(lambda: len(self._got) >= count)
        return list(self._got)

    def _wait(self, done) -> None:  # type: ignore[no-untyped-def]
        deadline = time.monotonic() + 120
        while not done():
            assert time.monotonic() < deadline, f"only {len(self._got)} messages came"
            time.sleep(0.01)
