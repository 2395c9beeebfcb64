"""Fixtures of the fault tests."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.faults import crew
from tests.faults.orders import Order
from tests.faults.outcome import Bench
from tests.faults.outside import Systems
from tests.faults.stage import Stage
from watermain.process.postgres import EmbeddedPostgres

_NUMBERS = count()


@pytest.fixture(params=[100, 600], ids=["few rows", "many rows"])
def rows(request: pytest.FixtureRequest) -> int:
    """Rows of a partition, all of them in files."""
    found: int = request.param
    return found


@pytest.fixture
def empty(tmp_path: Path, postgres: EmbeddedPostgres) -> Stage:
    """A lake with its ledger, nothing captured."""
    database = f"stage_{next(_NUMBERS)}"
    postgres.ensure_database(database)
    environment = {
        "WATERMAIN_DATA_DIR": str(tmp_path),
        "WATERMAIN_POSTGRES": postgres.dsn(database),
        "WATERMAIN_THREADS": "1",
    }
    assert crew.run(Order(environment=environment, verbs=("initialize",))).results
    return Stage(environment)


@pytest.fixture
def stage(empty: Stage) -> Stage:
    """A lake where version 1 is published, version 2 captured."""
    empty.arrive()
    assert len(empty.run("publish").results["publish"]) == 3
    empty.arrive()
    return empty


@pytest.fixture
def systems(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Systems]:
    """The servers that a campaign may use."""
    with Systems(postgres, tmp_path) as systems:
        yield systems


@pytest.fixture
def bench(systems: Systems, tmp_path: Path) -> Bench:
    """Where a campaign works."""
    return Bench(systems, tmp_path)
