"""The address of brokers, with what their connection declares."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from watermain.declare.connection.broker import KafkaConnection

_FILES = {
    "authorities": "ssl.ca.location",
    "certificate": "ssl.certificate.location",
    "key": "ssl.key.location",
}


def composed(address: str, word: KafkaConnection, secret: Callable[[str], str]) -> str:
    """Write the options behind the brokers. Raises: InvalidDeclarationError."""
    try:
        brokers, *words = shlex.split(address)
    except ValueError:
        word.refuse("its address has a quote without an end", "write `host:port,host:port`")
    said = dict(each.split("=", 1) for each in words if "=" in each)
    wanted = {}
    if word.tls is not None or word.sasl is not None:
        wanted["security.protocol"] = word.protocol
    if word.tls is not None:
        wanted |= {_FILES[name]: path for name, path in word.tls.files.items()}
    if word.sasl is not None:
        wanted["sasl.mechanism"] = word.sasl.mechanism
        wanted["sasl.username"] = word.sasl.user
        wanted["sasl.password"] = secret(word.sasl.password)
    if word.connect_within is not None:
        wanted["socket.connection.setup.timeout.ms"] = _millis(word.connect_within.total_seconds())
    if word.silent_within is not None:
        wanted["socket.timeout.ms"] = _millis(word.silent_within.total_seconds())
    odd = [each for each in words if "=" not in each]
    options = [f"{name}={value}" for name, value in word.merged(said, wanted).items()]
    return shlex.join([brokers, *odd, *options])


def _millis(seconds: float) -> str:
    return str(int(seconds * 1000))
