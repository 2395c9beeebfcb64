"""Fixtures of the tests of adoption."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.watermain.cli.adopt.company import Company
from watermain.__main__ import app
from watermain.lake.lake import Lake


@pytest.fixture
def company(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Company:
    """A fresh project whose data folder is the test's."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["init", "acme"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return Company(root=tmp_path / "acme", lake=lake)
