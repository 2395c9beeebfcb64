"""A REST endpoint that wants to know who asks, before, while, after its secret is rotated."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from tests.watermain.source.kinds import Ledger, thing
from tests.watermain.source.web_kinds import RestKind
from watermain.credential import FIRST_PAUSE
from watermain.declare.errors import ExpiredCredentialError, MissingSettingError
from watermain.declare.outside.web import Basic, Bearer, OAuth2

OLD, NEW = "old-and-secret", "new-and-secret"


@pytest.fixture
def token(rest_kind: RestKind) -> Path:
    """The file that holds our token; the endpoint knows the same."""
    rest_kind.api.token = OLD
    rest_kind.folder.mkdir(parents=True, exist_ok=True)
    path = rest_kind.folder / "token"
    path.write_text(OLD + "\n")
    return path


def test_bearer_shows_the_token(rest_kind: RestKind, ledger: Ledger, token: Path) -> None:
    """The file's last line break is no part of it."""
    rest_kind.add([thing(1)])
    ledger.capture(rest_kind.open(auth=Bearer(f"file:{token}")))
    assert ledger.rows("id") == [("1",)]


def test_bearer_is_asked_for_only_once_when_refused(
    rest_kind: RestKind, ledger: Ledger, token: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One request, one line in the log; later calls do not go out."""
    caplog.set_level(logging.INFO)
    rest_kind.api.token = NEW
    rest_kind.add([thing(1)])
    for _ in range(5):
        with pytest.raises(ExpiredCredentialError, match="of `api` is refused since") as told:
            ledger.capture(rest_kind.open(auth=Bearer(f"file:{token}")))
        with pytest.raises(ExpiredCredentialError):
            rest_kind.open(auth=Bearer(f"file:{token}")).backlog()
    assert len(rest_kind.api.asked) == 1
    lines = [each for each in caplog.records if each.name == "watermain.credential"]
    assert [each.levelname for each in lines] == ["ERROR"]
    everything = caplog.text + str(told.value) + repr(told.value)
    everything += "".join(p.read_text() for p in rest_kind.folder.glob("refused/*"))
    assert OLD not in everything


def test_bearer_recovers_when_the_secret_is_rotated(
    rest_kind: RestKind, ledger: Ledger, token: Path
) -> None:
    """The new secret is tried at once."""
    rest_kind.api.token = NEW
    rest_kind.add([thing(1)])
    with pytest.raises(ExpiredCredentialError):
        ledger.capture(rest_kind.open(auth=Bearer(f"file:{token}")))
    token.write_text(NEW)
    assert not rest_kind.open(auth=Bearer(f"file:{token}")).backlog().is_empty
    ledger.capture(rest_kind.open(auth=Bearer(f"file:{token}")))
    assert ledger.rows("id") == [("1",)]
    assert list(rest_kind.folder.glob("refused/*")) == []


def test_bearer_is_tried_again_after_a_pause(
    rest_kind: RestKind, ledger: Ledger, token: Path
) -> None:
    """A refusal that was a mistake of theirs heals, too; each pause is longer."""
    rest_kind.api.token = NEW
    rest_kind.add([thing(1)])
    source = rest_kind.open(auth=Bearer(f"file:{token}"))
    for asked, pause in enumerate([FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE], 1):
        with pytest.raises(ExpiredCredentialError):
            ledger.capture(source)
        rest_kind.clock.instant += pause - timedelta(seconds=1)
        with pytest.raises(ExpiredCredentialError):
            ledger.capture(source)
        assert len(rest_kind.api.asked) == asked
        rest_kind.clock.instant += timedelta(seconds=1)
    rest_kind.api.token = OLD
    ledger.capture(source)
    assert ledger.rows("id") == [("1",)]


def test_bearer_is_read_anew_when_it_is_rotated_in_mid_window(
    rest_kind: RestKind, ledger: Ledger, token: Path
) -> None:
    """Rotation under load costs nothing, wherever it strikes: twenty times, on any request."""
    for turn in range(20):
        rest_kind.add([thing(10 * turn + number) for number in range(6)])
        secret, at = f"secret-{turn}", len(rest_kind.api.asked) + 1 + turn % 4

        def rotate(number: int, secret: str = secret, at: int = at) -> None:
            if number == at:
                token.write_text(secret)
                rest_kind.api.token = secret

        rest_kind.api.fault = rotate
        ledger.capture(
            rest_kind.open(auth=Bearer(f"file:{token}"), overlap=timedelta(0)), acknowledge=True
        )
    assert len(ledger.rows()) == 120
    assert len(set(ledger.rows())) == 120


def test_basic_shows_user_with_password(rest_kind: RestKind, ledger: Ledger, token: Path) -> None:
    """The endpoint wants a bearer, so that what was sent is seen in its refusal."""
    rest_kind.add([thing(1)])
    source = rest_kind.open(auth=Basic(user="water", password=f"file:{token}"))
    with pytest.raises(ExpiredCredentialError, match="the answer was 401"):
        ledger.capture(source)
    rest_kind.api.token, rest_kind.api.scheme = "d2F0ZXI6bmV3LWFuZC1zZWNyZXQ=", "Basic"
    token.write_text(NEW)
    ledger.capture(rest_kind.open(auth=Basic(user="water", password=f"file:{token}")))
    assert ledger.rows("id") == [("1",)]


def traded(token: Path) -> OAuth2:
    """Client credentials."""
    return OAuth2(
        token="/oauth/token", client_id="water", client_secret=f"file:{token}", scope="read"
    )


def test_oauth_trades_credentials_for_a_token(
    rest_kind: RestKind, ledger: Ledger, token: Path
) -> None:
    """One token serves many pages, a withdrawn one is traded anew."""
    token.write_text("sesame")
    rest_kind.add([thing(number) for number in range(6)])
    source = rest_kind.open(auth=traded(token))
    ledger.capture(source)
    assert rest_kind.api.tokens_given == 1
    at = len(rest_kind.api.asked) + 2

    def withdraw(number: int) -> None:
        if number == at:
            rest_kind.api.token = "withdrawn"

    rest_kind.api.fault = withdraw
    rest_kind.add([thing(number) for number in range(6, 12)])
    ledger.capture(source)
    assert rest_kind.api.tokens_given == 3
    assert len(ledger.rows()) == 12


def test_oauth_stops_when_the_credentials_are_refused(
    rest_kind: RestKind, ledger: Ledger, token: Path
) -> None:
    """The token endpoint is not asked hot."""
    rest_kind.add([thing(1)])
    for _ in range(3):
        with pytest.raises(ExpiredCredentialError):
            ledger.capture(rest_kind.open(auth=traded(token)))
    token.write_text("sesame")
    ledger.capture(rest_kind.open(auth=traded(token)))
    assert ledger.rows("id") == [("1",)]


def test_secret_that_is_missing_is_named(rest_kind: RestKind, ledger: Ledger) -> None:
    """The reference is told, nothing is asked."""
    rest_kind.add([thing(1)])
    with pytest.raises(MissingSettingError, match="`file:/nowhere/token` cannot be read"):
        ledger.capture(rest_kind.open(auth=Bearer("file:/nowhere/token")))
    assert rest_kind.api.asked == []
