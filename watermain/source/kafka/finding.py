"""What is found at the end of a connection to brokers, or to a registry."""

from __future__ import annotations

import json
from typing import Any

import httpx
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from watermain.credential import refused
from watermain.declare.connection.broker import KafkaConnection
from watermain.declare.connection.web import RegistryConnection
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.source.kafka.address import composed
from watermain.source.kafka.kafka_log import REFUSED, patience, settings_of
from watermain.source.kafka.schema_registry import asking
from watermain.source.outside import Outside

_OK, _REFUSED = 200, (401, 403)


def found(word: KafkaConnection, outside: Outside) -> str:
    """Ask for the brokers and their topics."""
    address = outside.address(word.name, composed)
    shown = address()
    settings: dict[str, Any] = settings_of(shown, word.declared)
    heard: list[KafkaError] = []
    try:
        told_to: dict[str, Any] = {**settings, "log_level": 0, "error_cb": heard.append}
        admin = AdminClient(told_to)
        told = admin.list_topics(timeout=patience(settings))
    except KafkaException as error:
        if (
            isinstance(error.args[0], KafkaError)
            and error.args[0].code() == KafkaError._INVALID_ARG
        ):
            raise _wrong(word, error.args[0].str()) from None
        admin.poll(0)
        said = next((each for each in heard if each.code() in REFUSED), error.args[0])
        if said.code() in REFUSED:
            raise address.refused(shown, "the broker does not let us in") from None
        raise _away(word, (heard or [said])[0].str()) from None
    address.accepted()
    return f"{len(told.brokers)} brokers, {len(told.topics)} topics"


def registry_found(word: RegistryConnection, outside: Outside) -> str:
    """Ask for the subjects."""
    how = asking(outside, word.name)
    address = how.address()
    try:
        status, body = how.got(address.rstrip("/") + "/subjects", {})
    except httpx.HTTPError as error:
        raise _away(word, type(error).__name__) from None
    except OSError as error:
        raise _wrong(word, f"its TLS files cannot be used: {error}") from None
    if status in _REFUSED and (expired := refused(how.address, address, f"it answers {status}")):
        raise expired
    try:
        subjects = json.loads(body)
    except ValueError:
        subjects = None
    if status != _OK or not isinstance(subjects, list):
        raise _wrong(word, f"it answers {status}, and no list of subjects")
    return f"a registry of {len(subjects)} subjects"


def _away(word: KafkaConnection | RegistryConnection, why: str) -> UnreachableSystemError:
    return UnreachableSystemError(
        f"`{word.name}` does not answer: {why}",
        declared=word.declared,
        data="nothing was read",
        next="see whether it runs, and whether its address is right",
    )


def _wrong(word: KafkaConnection | RegistryConnection, why: str) -> SourceError:
    return SourceError(
        f"`{word.name}` cannot be used: {why}",
        declared=word.declared,
        data="nothing was read",
        next="mend the connection",
    )
