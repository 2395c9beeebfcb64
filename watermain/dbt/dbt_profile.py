"""The profile by which a project is compiled: its own for us, else one that reaches no table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

TARGET = "platform"
PROFILES = "profiles.yml"
EMPTY = {"type": "duckdb", "path": ":memory:", "schema": "main", "threads": 1}


def profiles(project: Path, folder: Path) -> Path:
    """The folder of a profile with our target: the project's own, or one written into `folder`.

    A project that never heard of us keeps its `profiles.yml`, whose targets are for `dbt` alone.
    """
    name = str(read_yaml(project / "dbt_project.yml").get("profile") or "default")
    outputs = (read_yaml(project / PROFILES).get(name) or {}).get("outputs") or {}
    if TARGET in outputs:
        return project
    text = yaml.safe_dump({name: {"target": TARGET, "outputs": {TARGET: EMPTY}}})
    (folder / PROFILES).write_text(text, encoding="utf-8")
    return folder


def read_yaml(path: Path) -> dict[str, Any]:
    """What a file says; nothing where it cannot be read, for dbt itself tells of that."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}
