"""Secrets are read where references point, shown to nobody."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.watermain.source.web_server import served
from watermain.declare.errors import (
    ExpiredCredentialError,
    InvalidDeclarationError,
    MissingSettingError,
    UnreachableSystemError,
)
from watermain.secrets import CACHE_SECONDS, Secrets
from watermain.settings import Settings

SECRET = "p@ss 'w\\rd&more"


@dataclass
class Vault:
    """A key-value store, version 2."""

    held: dict[str, object] = field(default_factory=dict)
    token: str = "vault-token"
    broken: int = 0
    asked: int = 0

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/{mount}/data/{path:path}", self.tell)])

    async def tell(self, request: Request) -> Response:
        """Answer as Vault does."""
        self.asked += 1
        if self.broken:
            return Response("no", self.broken)
        if request.headers.get("x-vault-token") != self.token:
            return JSONResponse({"errors": ["permission denied"]}, 403)
        name = "{mount}/{path}".format(**request.path_params)
        if name not in self.held:
            return JSONResponse({"errors": []}, 404)
        return JSONResponse({"data": {"data": self.held[name], "metadata": {"version": 1}}})


@pytest.fixture
def vault() -> Vault:
    """A store that holds one secret."""
    return Vault({"kv/team/shop": {"password": SECRET, "number": 5}})


@pytest.fixture
def settings(vault: Vault, tmp_path: Path) -> Iterator[Settings]:
    """Settings that know the store."""
    (tmp_path / "token").write_text("vault-token\n")
    with served(vault.app) as address:
        yield Settings(vault_url=address + "/", vault_token=f"file:{tmp_path / 'token'}")


def test_secret_is_read_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable's name follows `env:`."""
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    assert Secrets(Settings()).read("env:SHOP_PASSWORD").get_secret_value() == SECRET


def test_secret_is_read_from_a_file(tmp_path: Path) -> None:
    """One line break at its end is the editor's, not the secret's."""
    (tmp_path / "secret").write_text(SECRET + "\n")
    found = Secrets(Settings()).read(f"file:{tmp_path / 'secret'}")
    home = Settings(data_dir=tmp_path)
    assert Secrets(home).read("file:./secret").get_secret_value() == found.get_secret_value()
    assert found.get_secret_value() == SECRET


def test_secret_is_read_from_the_vault(settings: Settings) -> None:
    """Mount, path, field."""
    assert Secrets(settings).read("vault:kv/team/shop#password").get_secret_value() == SECRET


def test_secret_is_kept_for_moments_only(settings: Settings, vault: Vault) -> None:
    """Many uses are one question; a rotation is seen after seconds, at once when asked anew."""
    now = [0.0]
    secrets = Secrets(settings, now=lambda: now[0])
    reference = "vault:kv/team/shop#password"
    for _ in range(5):
        secrets.read(reference)
    assert vault.asked == 1
    vault.held["kv/team/shop"] = {"password": "rotated"}
    assert secrets.read(reference).get_secret_value() == SECRET
    assert secrets.read(reference, fresh=True).get_secret_value() == "rotated"
    vault.held["kv/team/shop"] = {"password": "again"}
    now[0] += CACHE_SECONDS
    assert secrets.read(reference).get_secret_value() == "again"
    assert CACHE_SECONDS <= 30


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("env:NO_SUCH_VARIABLE", "the variable is not set"),
        ("file:/no/such/file", "No such file or directory"),
        ("vault:kv/team/other#password", "the Vault has no such path"),
        ("vault:kv/team/shop#user", "the Vault's answer has no such field"),
        ("vault:kv/team/shop#number", "the Vault's answer has no such field"),
        ("vault:kv#password", "it names no mount with a path"),
    ],
)
def test_secret_that_is_missing_is_named(reference: str, says: str, settings: Settings) -> None:
    """The reference is told, what to do next as well."""
    with pytest.raises(MissingSettingError, match=says) as told:
        Secrets(settings).read(reference)
    assert told.value.declared == reference


def test_secret_may_not_be_empty(tmp_path: Path) -> None:
    """An empty file is no secret; nor is what cannot be text."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(MissingSettingError, match="it is empty"):
        Secrets(Settings()).read(f"file:{tmp_path / 'empty'}")
    with pytest.raises(MissingSettingError, match="it is no text"):
        Secrets(Settings()).read(f"file:{tmp_path / 'bytes'}")


def test_vault_that_is_not_set_up_is_told() -> None:
    """The settings are named."""
    with pytest.raises(MissingSettingError, match="the Vault is not set up") as told:
        Secrets(Settings()).read("vault:kv/shop#password")
    assert "WATERMAIN_VAULT_URL" in told.value.next


def test_vault_that_refuses_our_token_is_told(settings: Settings, vault: Vault) -> None:
    """It recovers when the token's file is rotated."""
    vault.token = "another"
    secrets = Secrets(settings)
    with pytest.raises(ExpiredCredentialError, match="refuses our token with 403") as told:
        secrets.read("vault:kv/team/shop#password")
    assert "vault-token" not in str(told.value)
    Path(str(settings.vault_token).removeprefix("file:")).write_text("another")
    assert secrets.read("vault:kv/team/shop#password").get_secret_value() == SECRET


def test_vault_that_does_not_answer_is_an_error_that_passes(
    settings: Settings, vault: Vault, tmp_path: Path
) -> None:
    """A broken one, one that is not there."""
    vault.broken = 503
    with pytest.raises(UnreachableSystemError, match="the Vault answers 503"):
        Secrets(settings).read("vault:kv/team/shop#password")
    nowhere = settings.model_copy(update={"vault_url": "http://127.0.0.1:1"})
    with pytest.raises(UnreachableSystemError, match="does not answer: ConnectError"):
        Secrets(nowhere).read("vault:kv/team/shop#password")


@pytest.mark.parametrize(
    "text", [SECRET, "env:", "env:A B", "file:relative", "vault:a", "http://x"]
)
def test_secret_itself_is_no_reference(text: str) -> None:
    """Whoever writes a secret where a reference belongs is told so without repeating it."""
    with pytest.raises(InvalidDeclarationError, match="not given as a reference") as told:
        Secrets(Settings()).read(text)
    assert text not in str(told.value).replace("`env:NAME`", "")


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r}".format], ids=range(4))
def test_secret_shows_itself_as_asterisks(
    show: Callable[[object], str], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """However it is printed; the logs of the libraries know nothing either."""
    caplog.set_level(logging.DEBUG)
    secrets = Secrets(settings)
    found = secrets.read("vault:kv/team/shop#password")
    assert show(found) in ("**********", "SecretStr('**********')")
    assert SECRET not in caplog.text + repr(secrets) + repr(vars(secrets)) + repr(settings)
    assert "vault-token" not in caplog.text + repr(vars(secrets)) + repr(settings)


def test_address_may_be_a_reference(tmp_path: Path) -> None:
    """From end to end, or in parts, each quoted as its place demands."""
    secrets = Secrets(Settings())
    (tmp_path / "dsn").write_text("host=db password=x")
    (tmp_path / "password").write_text(SECRET)
    (tmp_path / "plain").write_text("plain-1")
    assert secrets.filled(f"file:{tmp_path / 'dsn'}") == "host=db password=x"
    inside = f"${{file:{tmp_path / 'password'}}}"
    assert secrets.filled(f"host=db password={inside}") == (
        "host=db password='p@ss \\'w\\\\rd&more'"
    )
    assert secrets.filled(f"postgresql://me:{inside}@db/x") == (
        "postgresql://me:p%40ss%20%27w%5Crd%26more@db/x"
    )
    assert secrets.filled(f"password=${{file:{tmp_path / 'plain'}}}") == "password=plain-1"
    assert secrets.filled("host=db user=me") == "host=db user=me"
    assert secrets.filled("/folder/of/files") == "/folder/of/files"
