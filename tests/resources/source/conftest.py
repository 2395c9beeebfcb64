"""Fixtures that open each kind of source over a fresh outside system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.postgres import EmbeddedPostgres
from tests.resources.source.kinds import FilesKind, Kind, Ledger, PostgresKind
from tests.resources.source.web_kinds import RestKind, WebhookKind
from tests.resources.source.web_server import ThingsApi, served


@pytest.fixture
def postgres_kind(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[PostgresKind]:
    """One table in a database that is swept when the test ends, slots with the rest."""
    postgres.ensure_database("source")
    kind = PostgresKind(postgres.dsn("source"), tmp_path / "scratch")
    yield kind
    kind.drop_slots()
    kind.run(
        "drop publication if exists watermain",
        "drop schema public cascade",
        "create schema public",
        "alter database source reset all",
    )


@pytest.fixture
def files_kind(tmp_path: Path) -> FilesKind:
    """An empty folder."""
    return FilesKind(tmp_path / "drop", tmp_path / "scratch")


@pytest.fixture
def rest_kind(tmp_path: Path) -> Iterator[RestKind]:
    """An endpoint without things."""
    api = ThingsApi()
    with served(api.app) as address:
        yield RestKind(api, address, tmp_path / "home")


@pytest.fixture
def webhook_kind(tmp_path: Path) -> Iterator[WebhookKind]:
    """An endpoint that nobody sent anything to."""
    kind = WebhookKind(tmp_path / "home")
    with served(kind.app) as kind.address:
        yield kind


@pytest.fixture(params=["postgres", "files", "rest", "webhook"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every kind of source in turn."""
    found: Kind = request.getfixturevalue(f"{request.param}_kind")
    return found


@pytest.fixture
def ledger() -> Ledger:
    """A ledger that has seen nothing."""
    return Ledger()
