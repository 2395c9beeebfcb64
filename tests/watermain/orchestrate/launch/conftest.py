"""Fixtures of the launch tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watermain.orchestrate.launch.scene import Scene, scene
from watermain.process.postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def shared(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scene whose server serves most tests."""
    with scene(postgres, tmp_path_factory.mktemp("shared")) as opened:
        yield opened


@pytest.fixture
def stage(shared: Scene, tmp_path: Path) -> Scene:
    """The shared scene with a folder for marks of its own."""
    return Scene(shared.instance, tmp_path)
