"""The ways to show a REST endpoint who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from pydantic import SecretStr

from watermain.declare.outside.web import Basic, Bearer, OAuth2
from watermain.secrets import Secrets
from watermain.source.web import basic

Trade = Callable[[OAuth2, SecretStr], tuple[SecretStr, float]]


class Auth(Protocol):
    """Give the headers that show who asks."""

    def credential(self, *, fresh: bool = False) -> SecretStr:
        """The long-lived secret behind the headers, asked for anew when `fresh`."""
        ...

    def headers(self, *, fresh: bool = False) -> Mapping[str, str]:
        """The headers of one request, made from secrets of now when `fresh`."""
        ...


class NoAuth:
    """Show nothing."""

    def credential(self, *, fresh: bool = False) -> SecretStr:
        return SecretStr("")

    def headers(self, *, fresh: bool = False) -> Mapping[str, str]:
        return {}


class TokenAuth:
    """Show a token."""

    def __init__(self, word: Bearer, secrets: Secrets) -> None:
        self.word, self.secrets = word, secrets

    def credential(self, *, fresh: bool = False) -> SecretStr:
        return self.secrets.read(self.word.token, fresh=fresh)

    def headers(self, *, fresh: bool = False) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.credential(fresh=fresh).get_secret_value()}"}


class PasswordAuth:
    """Show a user's name and a password."""

    def __init__(self, word: Basic, secrets: Secrets) -> None:
        self.word, self.secrets = word, secrets

    def credential(self, *, fresh: bool = False) -> SecretStr:
        return self.secrets.read(self.word.password, fresh=fresh)

    def headers(self, *, fresh: bool = False) -> Mapping[str, str]:
        return basic(self.word.user, self.credential(fresh=fresh))


class TradedAuth:
    """Show a token got for client credentials; get the next one before it expires."""

    def __init__(
        self, word: OAuth2, secrets: Secrets, trade: Trade, now: Callable[[], float]
    ) -> None:
        self.word, self.secrets, self.trade, self.now = word, secrets, trade, now
        self._token, self._until = SecretStr(""), 0.0

    def credential(self, *, fresh: bool = False) -> SecretStr:
        return self.secrets.read(self.word.client_secret, fresh=fresh)

    def headers(self, *, fresh: bool = False) -> Mapping[str, str]:
        if fresh or self.now() >= self._until:
            self._token, seconds = self.trade(self.word, self.credential(fresh=fresh))
            self._until = self.now() + max(1.0, seconds * 0.9)
        return {"Authorization": f"Bearer {self._token.get_secret_value()}"}


def auth_of(
    word: Bearer | Basic | OAuth2 | None, secrets: Secrets, trade: Trade, now: Callable[[], float]
) -> Auth:
    """Open the way that a word declares."""
    match word:
        case Bearer():
            return TokenAuth(word, secrets)
        case Basic():
            return PasswordAuth(word, secrets)
        case OAuth2():
            return TradedAuth(word, secrets, trade, now)
        case _:
            return NoAuth()
