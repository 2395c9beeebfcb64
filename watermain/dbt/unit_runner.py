"""The program that has dbt run unit tests of a project over tables without a row."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from dbt.cli.main import dbtRunner
from dbt.context.providers import RuntimeDatabaseWrapper

from watermain.dbt.dbt_compiler import Compilation, install
from watermain.dbt.dbt_profile import PROFILES, TARGET

RESULT = "unit_tests.json"


class Parsed(Compilation):
    """A project that is parsed without what is wrong in it; nothing of it is compiled."""

    def load(self, stock: Callable[..., Any], config: Any, **words: Any) -> Any:
        """Load the project; what runs at the beginning or the end of a run stays away."""
        manifest = super().load(stock, config, **words)
        for key in [k for k, n in manifest.nodes.items() if str(n.resource_type) == "operation"]:
            del manifest.nodes[key]
        return manifest

    def _compile(self, manifest: Any, config: Any) -> None:
        """Leave it to the run, which compiles what it tests."""

    def _type_seeds(self, manifest: Any, config: Any) -> None:
        """Leave seeds alone: unit tests give their rows."""


def main(project: Path, folder: Path, asked: dict[str, Any]) -> None:
    """Run the tests that are asked for; write what dbt says of each into the folder."""
    wrapper: Any = RuntimeDatabaseWrapper
    stock = wrapper.__getattr__
    install(Parsed(root=str(project), folder=folder))
    wrapper.__getattr__ = stock  # here is a database, with every table that is read
    output = {
        "type": "duckdb",
        "path": str(folder / f"{asked['database']}.duckdb"),
        "schema": asked["schema"],
        "threads": 1,
        "attach": [
            {"path": str(folder / f"{name}.duckdb"), "alias": name} for name in asked["attached"]
        ],
    }
    profile = {asked["profile"]: {"target": TARGET, "outputs": {TARGET: output}}}
    (folder / PROFILES).write_text(yaml.safe_dump(profile), encoding="utf-8")
    words = ["--no-send-anonymous-usage-stats", "--no-version-check", "--no-use-colors"]
    words += ["--no-partial-parse", "--quiet", "--log-path", str(folder / "logs"), "test"]
    words += ["--target", TARGET, "--target-path", str(folder / "target")]
    words += ["--vars", json.dumps(asked["variables"]), "--project-dir", str(project)]
    words += ["--profiles-dir", str(folder), "--select"]
    words += [f"{name},test_type:unit" for name in asked["models"]]
    done = dbtRunner().invoke(words)
    results = getattr(done.result, "results", None) or []
    told = {
        "results": {r.node.unique_id: [str(r.status), str(r.message or "")] for r in results},
        "error": "" if done.exception is None else str(done.exception),
    }
    (folder / RESULT).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), json.loads(sys.argv[3]))
