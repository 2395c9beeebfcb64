"""Fixtures of the fault tests."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.faults.outcome import Bench
from tests.faults.outside import Systems
from tests.faults.stage import Stage
from tests.lakes import LakeTemplate, leave
from watermain.process.postgres import EmbeddedPostgres

_NUMBERS = count()


@pytest.fixture(params=[100, 600], ids=["few rows", "many rows"])
def rows(request: pytest.FixtureRequest) -> int:
    """Rows of a partition, all of them in files."""
    found: int = request.param
    return found


def stage_of(template: LakeTemplate, home: Path, database: str, version: int = 0) -> Stage:
    """A stage on a copy of a lake that holds what arrived up to a version."""
    template.copy(database, home)
    environment = {
        "WATERMAIN_DATA_DIR": str(home),
        "WATERMAIN_POSTGRES": template.server.dsn(database),
        "WATERMAIN_THREADS": "1",
    }
    return Stage(environment, version=version)


@pytest.fixture
def empty(tmp_path: Path, empty_lake: LakeTemplate) -> Stage:
    """A lake with its ledger, nothing captured."""
    return stage_of(empty_lake, tmp_path, f"stage_{next(_NUMBERS)}")


@pytest.fixture(scope="session")
def staged(empty_lake: LakeTemplate, tmp_path_factory: pytest.TempPathFactory) -> LakeTemplate:
    """A lake where version 1 is published, version 2 captured, of which each stage has a copy."""
    home, name = tmp_path_factory.mktemp("staged"), "template_of_stages"
    made = stage_of(empty_lake, home, name)
    made.arrive()
    assert len(made.run("publish").results["publish"]) == 3
    made.arrive()
    leave(empty_lake.server, name)
    return LakeTemplate(empty_lake.server, name, home)


@pytest.fixture
def stage(tmp_path: Path, staged: LakeTemplate) -> Stage:
    """A lake where version 1 is published, version 2 captured."""
    return stage_of(staged, tmp_path, f"stage_{next(_NUMBERS)}", version=2)


@pytest.fixture
def systems(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Systems]:
    """The servers that a campaign may use."""
    with Systems(postgres, tmp_path) as systems:
        yield systems


@pytest.fixture
def bench(systems: Systems, tmp_path: Path) -> Bench:
    """Where a campaign works."""
    return Bench(systems, tmp_path)
