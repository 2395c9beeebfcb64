"""The address of an online store, which never shows its secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from watermain.declare.errors import MissingSettingError, UnreachableSystemError

VARIABLE = "WATERMAIN_ONLINE_STORE"
MASK = "***"
_LONGEST = 200


@dataclass(frozen=True)
class StoreAddress:
    """Hold the URL of a server.

    Guarantees: neither a password nor an option of the URL is in what it shows or tells.
    """

    url: str = field(repr=False)

    @property
    def shown(self) -> str:
        """The address without its secrets; of one that is ambiguous nothing but its scheme."""
        scheme = self.url.partition("://")[0]
        if self._is_odd:
            return f"{scheme}://{MASK}"
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{scheme}://{parts.hostname or ''}{port}{parts.path}"

    def unreachable(self, error: BaseException) -> UnreachableSystemError:
        """The error for a store that does not answer or refuses."""
        return UnreachableSystemError(
            f"the online store {self.shown} does not answer: {self._reason(error)}",
            declared=VARIABLE,
            data="what it holds stands; rows that were under way are written again next time",
            next="start it, or set the variable right; then do the same again",
        )

    def evicting(self, policy: str) -> MissingSettingError:
        """The error for a store that throws rows away when its memory is full."""
        return MissingSettingError(
            f"the online store {self.shown} would evict rows: its maxmemory-policy is {policy}",
            declared=VARIABLE,
            data="nothing was written",
            next="set maxmemory-policy noeviction in that Redis; then do the same again",
        )

    @property
    def _is_odd(self) -> bool:
        """Whether a reader might take a part of a secret for a part of the address."""
        try:
            parts = urlsplit(self.url)
            _ = parts.port
        except ValueError:
            return True
        return self.url.count("@") > 1 or "@" in parts.path

    def _reason(self, error: BaseException) -> str:
        if self._is_odd:
            return "its address is ambiguous; write special characters as %40, %2F"
        lines = str(error).strip().splitlines() or [type(error).__name__]
        text = lines[0][:_LONGEST]
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    @property
    def _secrets(self) -> set[str]:
        parts = urlsplit(self.url)
        held = [parts.password or "", *(v for _, v in parse_qsl(parts.query))]
        return {each for word in held for each in (word, unquote(word)) if each}
