"""Words for HTTP refuse what cannot be meant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from watermain.declare import Basic, Bearer, Increment, OAuth2, Rest, Webhook
from watermain.declare.errors import InvalidDeclarationError

WINDOW = {"since": "a", "until": "b", "start": datetime(2013, 1, 1, tzinfo=UTC)}


def rest(**words: Any) -> Rest:
    """A declaration that is right but for these words."""
    return Rest(**{"connection": "api", "path": "/x", "window": Increment(**WINDOW), **words})


def webhook(**words: Any) -> Webhook:
    """A declaration that is right but for these words."""
    return Webhook(**{"path": "/x", "secret": "env:HOOK", **words})


def increment(**words: Any) -> Increment:
    """A declaration that is right but for these words."""
    return Increment(**{**WINDOW, **words})


def test_words_have_a_kind() -> None:
    """The kind chooses the source."""
    assert (rest().kind, webhook().kind) == ("rest", "webhook")


@pytest.mark.parametrize(
    ("make", "words", "says"),
    [
        (rest, {"path": "x"}, "path 'x' is no plain path"),
        (rest, {"path": "/x?key=1"}, "is no plain path"),
        (rest, {"path": "/../x"}, "is no plain path"),
        (rest, {"rate": 0}, "rate 0 is out of bounds"),
        (rest, {"rate": 1001}, "rate 1001 is out of bounds"),
        (webhook, {"path": "x"}, "path 'x' is no plain path"),
        (webhook, {"path": "/a/../b"}, "is no plain path"),
        (webhook, {"signature": "X Signature"}, "'X Signature' is no header"),
        (webhook, {"idempotency": "X:Y"}, "'X:Y' is no header"),
        (webhook, {"secret": ()}, "no secret is named"),
        (webhook, {"scheme": "svix"}, "scheme 'svix' is unknown"),
        (webhook, {"timestamp": "T\r\n"}, "is no header"),
        (webhook, {"max_bytes": 0}, "max_bytes 0 is out of bounds"),
        (webhook, {"max_bytes": 2**30}, "is out of bounds"),
        (increment, {"start": datetime(2013, 1, 1)}, "is no UTC instant"),
        (increment, {"start": datetime(2013, 1, 1, tzinfo=timezone(timedelta(hours=1)))}, "no UTC"),
        (increment, {"start": datetime(1969, 1, 1, tzinfo=UTC)}, "starts before 1970"),
        (increment, {"every": timedelta(0)}, "negative or empty"),
        (increment, {"overlap": timedelta(-1)}, "negative or empty"),
        (increment, {"delay": timedelta(-1)}, "negative or empty"),
        (increment, {"catch_up": timedelta(seconds=1)}, "no multiple of `every`"),
        (increment, {"catch_up": timedelta(-1)}, "no multiple of `every`"),
    ],
)  # fmt: skip
def test_word_is_refused(make: Callable[..., object], words: dict[str, Any], says: str) -> None:
    """The wrong value is in the message."""
    with pytest.raises(InvalidDeclarationError, match=says):
        make(**words)


@pytest.mark.parametrize(
    "make",
    [
        Bearer,
        lambda secret: Basic(user="me", password=secret),
        lambda secret: OAuth2(token="/t", client_id="me", client_secret=secret),
        lambda secret: webhook(secret=secret),
    ],
)
def test_secret_is_never_a_word(make: Callable[[str], object]) -> None:
    """Only a reference is taken; what was written instead is not repeated."""
    with pytest.raises(InvalidDeclarationError, match="not given as a reference") as told:
        make("hunter2")
    assert "hunter2" not in str(told.value)
    for reference in ("env:NAME", "file:/run/secrets/x", "file:./x", "vault:kv/team/x#field"):
        make(reference)
