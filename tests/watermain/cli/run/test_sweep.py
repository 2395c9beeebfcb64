"""`watermain sweep` says what it took away."""

from __future__ import annotations

import json
import os
from pathlib import Path
from uuid import uuid4

from typer.testing import CliRunner

from watermain.__main__ import app
from watermain.lake.lake import Lake


def test_sweep_tells_of_each_file(lake: Lake) -> None:
    """An old one goes, by name; a young one is counted; hours below one are refused."""
    runner, folder = CliRunner(), Path(lake.folder, "shop_curated", "sales")
    folder.mkdir(parents=True)
    old, young = (folder / f"ducklake-{uuid4()}.parquet" for _ in range(2))
    old.write_bytes(b"old")
    young.write_bytes(b"young")
    os.utime(old, (0, 0))
    assert runner.invoke(app, ["sweep", "--older-than", "0"]).exit_code == 2
    done = runner.invoke(app, ["sweep"])
    assert done.exit_code == 0
    assert f"gone  shop_curated/sales/{old.name}" in done.output
    assert "1 files, 3 bytes are gone; 1 are younger than 24 h" in done.output
    assert [path.name for path in folder.iterdir()] == [young.name]
    told = json.loads(runner.invoke(app, ["sweep", "--json"]).stdout)
    assert told == {"files": [], "bytes": 0, "young": 1, "held": 0, "foreign": 0}
