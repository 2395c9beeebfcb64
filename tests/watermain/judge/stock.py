"""A dbt project, built by stock dbt into a file of DuckDB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from tests.watermain.judge.side import Side, read

VERDICTS = {"success": "pass", "error": "fail"}  # where a node's word is another
TABLES = ("model", "seed", "snapshot")
QUIET = ("--no-send-anonymous-usage-stats", "--no-version-check", "--quiet")


def build(project: Path, folder: Path) -> Side:
    """Build a project, and read what it made."""
    name = yaml.safe_load((project / "dbt_project.yml").read_text())["profile"]
    output = {"type": "duckdb", "path": str(folder / "stock.duckdb"), "threads": 1}
    text = yaml.safe_dump({name: {"target": "stock", "outputs": {"stock": output}}})
    (folder / "profiles.yml").write_text(text)
    places = ["--project-dir", str(project), "--profiles-dir", str(folder)]
    places += ["--target-path", str(folder / "target"), "--log-path", str(folder)]
    if (project / "packages.yml").exists():
        _run("deps", *places[:4])
    kinds = [word for kind in TABLES for word in ("--resource-type", kind)]
    _run("build", *places)
    listed = _run("ls", *kinds, "--output", "json", "--output-keys", "unique_id", *places)
    DuckDBConnectionManager.close_all_connections()  # which keep the file
    return made(folder, {json.loads(line)["unique_id"] for line in listed})


def made(folder: Path, nodes: set[str]) -> Side:
    """What a build left in a folder."""
    manifest, run = (
        json.loads((folder / "target" / f"{word}.json").read_text())
        for word in ("manifest", "run_results")
    )
    side, results = Side(nodes=nodes), {r["unique_id"]: r["status"] for r in run["results"]}
    side.verdicts = {
        key: VERDICTS.get(word, word)
        for key, word in results.items()
        if key.startswith(("test.", "unit_test."))
    }
    with duckdb.connect(str(folder / "stock.duckdb")) as connection:
        connection.execute("set timezone = 'UTC'")
        for key, node in manifest["nodes"].items():
            if node["resource_type"] in TABLES and results.get(key) == "success":
                relation = f'"{node["schema"]}"."{node["alias"]}"'
                is_snapshot = node["resource_type"] == "snapshot"
                side.tables[key] = read(connection, relation, is_snapshot=is_snapshot)
    return side


def _run(*words: str) -> Any:
    """What a command of dbt gives, whether or not every node of it went well."""
    done = dbtRunner().invoke([*QUIET, *words])
    if done.exception is not None:
        raise done.exception
    return done.result
