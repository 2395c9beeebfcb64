"""Unit tests of a dbt project, run by dbt itself in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from watermain.dbt.dbt_fault import said
from watermain.dbt.dbt_profile import EMPTY, PROFILES, TARGET, read_yaml
from watermain.settings import child_environment
from watermain.settings import project as company

RESULT = "unit_tests.json"
SECONDS = 900.0
UNKNOWN = "memory"  # what dbt calls the database of an engine in memory


def run_units(
    folder: Path,
    models: Sequence[str],
    databases: Sequence[str],
    project: Path | None = None,
) -> tuple[dict[str, tuple[str, str]], str]:
    """What dbt says of each unit test of some models, by its id; and why it ended without, if so.

    Shapes: `folder` holds `<database>.duckdb` for each of the databases; `models` are dbt's full
    names, such as `shop.marts.orders`.
    """
    project = project or company().dbt_folder
    profile = str(read_yaml(project / "dbt_project.yml").get("profile") or "default")
    outputs = (read_yaml(project / PROFILES).get(profile) or {}).get("outputs") or {}
    output = outputs.get(TARGET) or EMPTY
    database = Path(str(output.get("path") or "")).stem.strip(":") or UNKNOWN
    asked: dict[str, Any] = {
        "profile": profile,
        "schema": output.get("schema") or EMPTY["schema"],
        "database": database,
        "attached": [name for name in databases if name != database],
        "variables": dict(company().dbt_vars),
        "models": [*models],
    }
    words = [sys.executable, "-m", "watermain.dbt.unit_runner", str(project), str(folder)]
    try:
        done = subprocess.run(
            [*words, json.dumps(asked, default=str)],
            cwd=project,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return {}, f"dbt does not end within {SECONDS:.0f} seconds"
    path = folder / RESULT
    if not path.exists():
        return {}, said(done.stdout + done.stderr) or "dbt ended"
    told = json.loads(path.read_text(encoding="utf-8"))
    return {key: (status, text) for key, (status, text) in told["results"].items()}, said(
        told["error"]
    ) if told["error"] else ""
