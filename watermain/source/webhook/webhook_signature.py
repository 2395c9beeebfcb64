"""The proof that an event comes from a sender who knows the secret."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta

from watermain.clock import Clock, micros
from watermain.declare.outside.web import Webhook
from watermain.secrets import Secrets

MOST_SIGNATURES = 8
_FRESH_MICROSECONDS = 10**6
_WHSEC = "whsec_"


class Proof:
    """Prove the signatures of one webhook.

    Guarantees: time, key and body are signed, each in its place; the comparison takes the same
    time whatever differs; and each of the declared secrets counts, and a rotated one is looked up.
    Source: Standard Webhooks, section on signatures.
    """

    def __init__(self, word: Webhook, secrets: Secrets, clock: Clock) -> None:
        self.word, self.secrets, self.clock = word, secrets, clock
        self._fresh_at = 0

    async def holds(self, headers: Mapping[str, str], key: bytes, body: bytes) -> bool:
        """Whether one of the signatures that came was made with one of the secrets."""
        stamp, now = headers.get(self.word.timestamp_header, ""), micros(self.clock.now())
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            return False
        if abs(int(stamp) * 10**6 - now) > self.word.tolerance / timedelta(microseconds=1):
            return False
        given = headers.get(self.word.signature_header, "").encode("latin-1", "replace").split(b" ")
        standard = self.word.scheme == "standard"
        parts = (key, stamp.encode(), body) if standard else (stamp.encode(), key, body)
        signed = b".".join(parts)
        if await self._matches(given, signed, fresh=False):
            return True
        if now - self._fresh_at < _FRESH_MICROSECONDS:
            return False
        self._fresh_at = now
        return await self._matches(given, signed, fresh=True)

    async def _matches(self, given: list[bytes], signed: bytes, *, fresh: bool) -> bool:
        make = standard_signature if self.word.scheme == "standard" else signature
        found = False
        for reference in self.word.secrets:
            secret = await asyncio.to_thread(self.secrets.read, reference, fresh=fresh)
            wanted = make(secret.get_secret_value(), signed)
            for each in given[:MOST_SIGNATURES]:
                found |= hmac.compare_digest(each, wanted)
        return found


def signature(secret: str, signed: bytes) -> bytes:
    """The signature of our own scheme, for `<timestamp>.<key>.<body>`."""
    return b"sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()


def standard_signature(secret: str, signed: bytes) -> bytes:
    """The signature of Standard Webhooks, for `<id>.<timestamp>.<body>`.

    A secret that begins with `whsec_` is Base64, as that standard writes it.
    """
    key = secret.encode()
    if secret.startswith(_WHSEC):
        try:
            key = base64.b64decode(secret.removeprefix(_WHSEC), validate=True)
        except binascii.Error:
            key = secret.encode()
    return b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
