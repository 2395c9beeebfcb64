"""What is found at the end of a connection to an MQTT broker."""

from __future__ import annotations

import time
from typing import Any

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTv5, error_string
from paho.mqtt.enums import CallbackAPIVersion

from watermain.declare.connection.broker import MqttConnection
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.source.mqtt.address import composed, parsed
from watermain.source.mqtt.mqtt_session import STRANGER
from watermain.source.outside import Outside

_TURN_SECONDS = 0.05


def found(word: MqttConnection, outside: Outside) -> str:
    """Connect with a session that the broker forgets at once."""
    address = outside.address(word.name, composed)
    shown = address()
    there = parsed(shown, word.declared)
    heard: list[Any] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id="", protocol=MQTTv5)
    client.on_connect = lambda _c, _u, _f, reason, _p: heard.append(reason)
    if there.user is not None:
        client.username_pw_set(there.user, there.password)
    client.connect_timeout = there.connect_seconds
    try:
        if there.tls is not None:
            client.tls_set_context(there.trusted())
        client.connect(there.host, there.port, clean_start=True)
        deadline = time.monotonic() + there.silent_seconds
        while not heard:
            done = client.loop(_TURN_SECONDS)
            is_over = done != MQTT_ERR_SUCCESS or time.monotonic() > deadline
            if is_over and not heard:
                raise _away(word, error_string(done) if done else "no answer")
    except OSError as error:
        raise _away(word, str(error)) from None
    finally:
        client.on_connect = None
        client.disconnect()
    if heard[0].value in STRANGER:
        raise address.refused(shown, "the broker does not let us in")
    if heard[0].is_failure:
        raise SourceError(
            f"`{word.name}` refuses us: {heard[0]}",
            declared=word.declared,
            data="nothing was read",
            next="give the address, the rights of the client a look",
        )
    address.accepted()
    return f"a broker, {'encrypted' if there.tls is not None else 'not encrypted'}"


def _away(word: MqttConnection, why: str) -> UnreachableSystemError:
    return UnreachableSystemError(
        f"`{word.name}` does not answer: {why}",
        declared=word.declared,
        data="nothing was read",
        next="see whether the broker runs, and whether its address is right",
    )
