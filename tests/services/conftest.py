"""A whole platform with a browser that looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.ports import free_port
from tests.services.whole_platform import Platform

ROOT = Path(__file__).parents[2]
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say where pictures of the UI are kept."""
    parser.addoption("--pictures", default=None, help="keep pictures of the UI in this folder")


@pytest.fixture(scope="session")
def pictures(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pictures."""
    chosen = request.config.getoption("--pictures", default=None)
    return Path(chosen) if chosen else tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a platform that the project's own command brought up."""
    platform = Platform(ROOT, tmp_path_factory.mktemp("platform"), free_port())
    with platform.up("--as-recorded", "--until", "2013-01-07"):
        yield platform.url


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of Debian's Chromium."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(90_000)
        expect.set_options(timeout=90_000)  # five seconds by default: not on a busy machine
        yield page
        browser.close()
