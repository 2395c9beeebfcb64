"""The pytest plugin of Watermain, which imports nothing heavy until a fixture is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from watermain.process.postgres import EmbeddedPostgres
    from watermain.testing.moved_clock import MovedClock
    from watermain.testing.trial import TrialLake

NEVER = "never(kind, reason): a promise that a kind of source cannot keep by its nature"
# What these tests hold is told by pytest's own asserts.
pytest.register_assert_rewrite(
    "watermain.testing.source_behaviour", "watermain.testing.source_kind"
)


def pytest_configure(config: pytest.Config) -> None:
    """Let the source behaviour suite's mark be known."""
    config.addinivalue_line("markers", NEVER)


@pytest.fixture(scope="session")
def watermain_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One PostgreSQL for the session, which holds the catalogs of lakes; it loses them in a crash.

    Thanks to it every lake of a session stands within a second.
    """
    from watermain.process.postgres import EmbeddedPostgres

    hasty = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    server = EmbeddedPostgres(tmp_path_factory.mktemp("watermain") / "server", settings=hasty)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def watermain_clock() -> MovedClock:
    """A clock that stands still until the test moves it."""
    from watermain.testing.moved_clock import MovedClock

    return MovedClock()


@pytest.fixture
def watermain_lake(
    watermain_postgres: EmbeddedPostgres,
    watermain_clock: MovedClock,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[TrialLake]:
    """An empty lake of the test's own, which tells the time by `watermain_clock`."""
    from watermain.testing.trial import trial_lake

    folder = tmp_path_factory.mktemp("lake")
    with trial_lake(watermain_postgres, folder, watermain_clock) as lake:
        yield lake
