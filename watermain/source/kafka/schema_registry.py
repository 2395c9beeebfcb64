"""The schemas of messages, asked for at a schema registry.

Source: the wire format of Confluent's registry: a zero byte, four bytes of id and the value;
and its answers to `/schemas/ids/{id}` and `/subjects/{subject}/versions/{version}`.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from watermain.credential import accepted, refused
from watermain.declare.connection.web import RegistryConnection
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.secrets import Secrets
from watermain.source.outside import Outside
from watermain.source.web import shown, timeout, trusted

HEAD = 5
MOST_SCHEMAS = 500
MOST_REFERENCES = 200
MOST_BYTES = 4 * 2**20
SILENT_SECONDS = 10.0
_UNKNOWN_SCHEMA = (40402, 40403)
_OK, _NOT_FOUND, _REFUSED = 200, 404, (401, 403)
Tree = dict[str, Any]
Decode = Callable[[bytes], Tree]


class UnreadableMessageError(Exception):
    """Report a message that cannot be read; the reason is its text."""


@dataclass(frozen=True)
class SchemaText:
    """Hold a schema's text and the schemas that it needs before it, each by its name."""

    text: str
    needs: tuple[tuple[str, str], ...] = ()


@dataclass
class _Asked:
    """What the registry gave on the way to one schema."""

    needs: dict[str, str]
    asked: int = 0


@dataclass(frozen=True)
class RegistryAsking:
    """Say how the registry is asked: where, who we are, what is trusted and how long it takes."""

    address: Callable[[], str]
    word: RegistryConnection | None = None
    secrets: Secrets | None = None

    def got(self, url: str, parameters: dict[str, str]) -> tuple[int, bytes]:
        """Ask once; give the status and the body."""
        with httpx.stream(
            "GET",
            url,
            params=parameters,
            headers=dict(self._headers()),
            timeout=timeout(self.word, SILENT_SECONDS, SILENT_SECONDS),
            trust_env=False,
            verify=trusted(self.word.tls if self.word else None),
        ) as answer:
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise httpx.DecodingError(f"more than {MOST_BYTES} bytes")
            return answer.status_code, body

    def _headers(self) -> Mapping[str, str]:
        auth = self.word.auth if self.word else None
        return shown(auth, self.secrets) if auth and self.secrets else {}


def asking(outside: Outside, name: str) -> RegistryAsking:
    """How the registry behind a connection is asked."""
    return RegistryAsking(outside.address(name), outside.word(name), outside.secrets())


class SchemaRegistry:
    """Turn schema ids into decoders, and keep the MOST_SCHEMAS that were used last.

    `compiled` makes a decoder from a schema. Ids that the registry does not know are asked for
    again at each `forget`.
    Guarantees: a schema of an id never changes, and so one that is kept is never asked for again.
    Raises: UnreachableSystemError while the registry is away, ExpiredCredentialError,
    or SourceError for an address that is none.
    """

    def __init__(
        self,
        asking: RegistryAsking,
        compiled: Callable[[SchemaText], Decode],
        *,
        kind: str,
        declared: str,
    ) -> None:
        self.asking, self.compiled = asking, compiled
        self.kind, self.declared = kind, declared
        self._kept: OrderedDict[int, Decode | str] = OrderedDict()

    def decoder(self, number: int) -> Decode | str:
        """Give the decoder of a schema id, or the reason why there is none."""
        found = self._kept.get(number)
        if found is None:
            found = self._found(number)
            self._kept[number] = found
            if len(self._kept) > MOST_SCHEMAS:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(number)
        return found

    def forget(self) -> None:
        """Drop what could not be read: the registry may know it by now."""
        for number in [n for n, found in self._kept.items() if isinstance(found, str)]:
            del self._kept[number]

    def demand(self, number: int) -> None:
        """Raise an error that passes while the registry does not know a schema id."""
        if self.decoder(number) == _unknown(number):
            raise self._away(_unknown(number))

    def _found(self, number: int) -> Decode | str:
        answer = self._answer(f"/schemas/ids/{number}")
        if answer is None:
            return _unknown(number)
        kind = str(answer.get("schemaType", "AVRO"))
        if kind != self.kind:
            return f"schema {number} is of type {kind}, not {self.kind}"
        asked = _Asked({})
        try:
            self._gather(answer, asked)
            return self.compiled(SchemaText(str(answer["schema"]), tuple(asked.needs.items())))
        except UnreadableMessageError as error:
            return f"schema {number} {error}"

    def _gather(self, answer: Tree, asked: _Asked) -> None:
        """Collect what a schema refers to, with what is needed first in front."""
        for each in answer.get("references") or ():
            name, subject = str(each["name"]), quote(str(each["subject"]), safe="")
            if name in asked.needs:
                continue
            asked.asked += 1
            if asked.asked > MOST_REFERENCES:
                raise UnreadableMessageError(f"refers to more than {MOST_REFERENCES} others")
            found = self._answer(f"/subjects/{subject}/versions/{int(each['version'])}")
            if found is None:
                raise UnreadableMessageError(f"refers to {name}, which the registry does not have")
            self._gather(found, asked)
            asked.needs[name] = str(found["schema"])

    def _answer(self, path: str) -> Tree | None:
        """Ask once; None for what the registry says it does not have."""
        asking, address = self.asking, self.asking.address()
        serialized = {"format": "serialized"} if self.kind == "PROTOBUF" else {}
        try:
            status, body = asking.got(address.rstrip("/") + path, serialized)
        except OSError as error:
            raise self._wrong(f"its TLS files cannot be used: {error}") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise self._wrong("its address is no http:// or https:// URL") from None
        except httpx.HTTPError as error:
            raise self._away(f"it does not answer: {type(error).__name__}") from None
        if status in _REFUSED:
            expired = refused(asking.address, address, f"the schema registry answers {status}")
            if expired is not None:
                raise expired
        found = _json(body)
        if status == _NOT_FOUND and found.get("error_code") in _UNKNOWN_SCHEMA:
            return None
        if status in (_NOT_FOUND, *_REFUSED):
            raise self._wrong(f"it answers {status} to {path}")
        if status != _OK or not isinstance(found.get("schema"), str):
            raise self._away(f"it answers {status} to {path}")
        accepted(asking.address)
        return found

    def _away(self, what: str) -> UnreachableSystemError:
        return UnreachableSystemError.nothing_read(
            f"schema registry: {what}",
            declared=self.declared,
            next="see whether the registry runs; the next capture tries again",
        )

    def _wrong(self, what: str) -> SourceError:
        return SourceError.nothing_read(
            f"schema registry: {what}",
            declared=self.declared,
            next="give the address of the registry, the rights of its client a look",
        )


def schema_id(value: bytes) -> int:
    """Read the schema id in front of a message. Raises: UnreadableMessageError."""
    if len(value) < HEAD or value[0] != 0:
        raise UnreadableMessageError("does not begin with a schema id")
    return int.from_bytes(value[1:HEAD], "big")


def _unknown(number: int) -> str:
    return f"schema {number} is not known to the registry"


def _json(body: bytes) -> Tree:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
