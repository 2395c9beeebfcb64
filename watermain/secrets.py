"""Secrets, read from where their references point at the moment they are used."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import SecretStr

from watermain.declare.errors import (
    ExpiredCredentialError,
    MissingSettingError,
    UnreachableSystemError,
)
from watermain.declare.outside.reference import proved_reference
from watermain.settings import Settings, variable

if TYPE_CHECKING:
    import httpx

CACHE_SECONDS = 10.0
_PATIENCE_SECONDS = 5.0
_MOST_BYTES = 64 * 2**10
_OK, _NOT_FOUND, _REFUSED = 200, 404, (401, 403)
_WHOLE = re.compile(r"(env:[A-Za-z_]\w*|file:\.?/.+|vault:[^#\s]+#[^#\s]+)")
_INSIDE = re.compile(r"\$\{([^}]*)\}")
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")


class Secrets:
    """Resolve secret references; keep what was found for CACHE_SECONDS at most.

    Guarantees: a secret shows itself as asterisks, and no error holds its text.
    Raises: MissingSettingError, UnreachableSystemError or ExpiredCredentialError (of the Vault).
    """

    def __init__(self, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._now = settings, now
        self._kept: dict[str, tuple[float, SecretStr]] = {}
        self._lock = threading.Lock()

    def read(self, reference: str, *, fresh: bool = False) -> SecretStr:
        """Give the secret that a reference names, asking anew when `fresh`."""
        with self._lock:
            until, found = self._kept.get(reference, (0.0, SecretStr("")))
            if fresh or self._now() >= until:
                found = self._found(proved_reference(reference, "a secret"))
                self._kept[reference] = (self._now() + CACHE_SECONDS, found)
            return found

    def filled(self, address: str, *, fresh: bool = False) -> str:
        """Replace references in an address by their secrets, quoted as the place demands.

        An address that is a reference from end to end becomes the secret itself; `${reference}`
        is percent-encoded inside a URL and quoted inside a libpq string.
        """
        if _WHOLE.fullmatch(address):
            return self.read(address, fresh=fresh).get_secret_value()

        def secret(found: re.Match[str]) -> str:
            text = self.read(found[1], fresh=fresh).get_secret_value()
            return quote(text, safe="") if "://" in address else _libpq(text)

        return _INSIDE.sub(secret, address)

    def _found(self, reference: str) -> SecretStr:
        kind, _, rest = reference.partition(":")
        text = {"env": self._variable, "file": self._file, "vault": self._vault}[kind](rest)
        if not text:
            raise _missing(reference, "it is empty", "write the secret there")
        return SecretStr(text)

    def _variable(self, name: str) -> str:
        found = variable(name)
        if found is None:
            raise _missing(f"env:{name}", "the variable is not set", f"export {name}=...")
        return found

    def _file(self, path: str) -> str:
        try:
            with (self._settings.home / path).open("rb") as file:
                return file.read(_MOST_BYTES).decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise _missing(f"file:{path}", reason, f"ls -l {path}") from None

    def _vault(self, rest: str) -> str:
        path, _, field = rest.partition("#")
        mount, _, name = path.strip("/").partition("/")
        settings = self._settings
        if not settings.vault_url or not settings.vault_token or not name:
            raise _missing(
                f"vault:{rest}",
                "the Vault is not set up" if name else "it names no mount with a path",
                "set WATERMAIN_VAULT_URL, WATERMAIN_VAULT_TOKEN; write `vault:mount/path#field`",
            )
        token = self._found(proved_reference(settings.vault_token, "WATERMAIN_VAULT_TOKEN"))
        url = f"{settings.vault_url.rstrip('/')}/v1/{quote(mount)}/data/{quote(name)}"
        return _field(_asked(url, token, f"vault:{rest}"), field, f"vault:{rest}")


def resolved(address: str, settings: Settings) -> str:
    """An address with its references replaced; one that holds none comes back at no cost."""
    if "${" not in address and not _WHOLE.fullmatch(address):
        return address
    return _of(settings).filled(address)


def masked(address: str, instead: str) -> str:
    """An address with `instead` in the place of each reference."""
    return instead if _WHOLE.fullmatch(address) else _INSIDE.sub(instead, address)


@lru_cache(maxsize=4)
def _of(settings: Settings) -> Secrets:
    """The secrets of this process, so that a Vault is not asked for each connection."""
    return Secrets(settings)


def _asked(url: str, token: SecretStr, reference: str) -> httpx.Response:
    import httpx  # slow to import and needed only where there is a Vault

    try:
        answer = httpx.get(
            url,
            headers={"X-Vault-Token": token.get_secret_value()},
            timeout=_PATIENCE_SECONDS,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise UnreachableSystemError(
            f"the Vault does not answer: {type(error).__name__}",
            declared=reference,
            data="nothing was read",
            next="look at the server of WATERMAIN_VAULT_URL",
        ) from None
    if answer.status_code in _REFUSED:
        raise ExpiredCredentialError(
            f"the Vault refuses our token with {answer.status_code}",
            declared=f"{reference}, WATERMAIN_VAULT_TOKEN",
            data="nothing was read",
            next="rotate the token, or allow it to read the path",
        )
    if answer.status_code == _NOT_FOUND:
        raise _missing(reference, "the Vault has no such path", "write the secret there")
    if answer.status_code != _OK:
        raise UnreachableSystemError(
            f"the Vault answers {answer.status_code}",
            declared=reference,
            data="nothing was read",
            next="look at the server of WATERMAIN_VAULT_URL",
        )
    return answer


def _field(answer: httpx.Response, field: str, reference: str) -> str:
    try:
        found = answer.json()["data"]["data"][field]
    except (ValueError, KeyError, TypeError):
        found = None
    if not isinstance(found, str):
        raise _missing(reference, "the Vault's answer has no such field", "write the field there")
    return found


def _libpq(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _missing(reference: str, why: str, next: str) -> MissingSettingError:
    return MissingSettingError.nothing_happened(
        f"the secret `{reference}` cannot be read: {why}",
        declared=reference,
        next=next,
    )
