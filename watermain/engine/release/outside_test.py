"""A released contract, judged from outside: by datacontract-cli over the published rows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.errors import (
    BrokenContractError,
    MissingSettingError,
    UnknownDatasetError,
)
from watermain.engine.release.release import path_of, shown
from watermain.lake.lake import Lake, quote, table, text
from watermain.settings import child_environment, project

TOOL = Path(".venv-datacontract", "bin", "datacontract")  # of the project
MOST_SECONDS = 3600


def judge(dataset: Dataset, lake: Lake, contract: Path | None = None) -> Iterator[str]:
    """Lint the contract and test it; tell each thing that was tested.

    Guarantees: the tool reads a copy of the published rows, a plain DuckDB file, for it cannot
    reach the lake; it reaches nothing else of ours.
    Raises: BrokenContractError, naming what failed; MissingSettingError, without the tool.
    """
    file = contract or path_of(dataset.name)
    if not (project().root / TOOL).exists():
        raise MissingSettingError(
            "datacontract-cli is not installed",
            declared="tests/services/datacontract.in",
            data="nothing was tested",
            next="make datacontract",
        )
    if not file.exists():
        raise UnknownDatasetError(
            f"{dataset.name} has no released contract",
            declared=f"{shown(dataset.name)} does not exist",
            data="nothing was tested",
            next="watermain contract export",
        )
    with TemporaryDirectory(prefix="contract-") as folder:
        place = Path(folder)
        copy_rows(dataset, lake, place / "lake.duckdb")
        yield from _told(dataset, "lint", _run("lint", file, place))
        yield from _told(dataset, "test", _run("test", file, place))


def copy_rows(dataset: Dataset, lake: Lake, target: Path) -> None:
    """Copy the visible rows of a dataset, its contract's columns, into a plain DuckDB file."""
    columns = ", ".join(quote(c.name) for c in dataset.contract.columns)
    schema = f"outside.{quote(dataset.name.schema)}"
    with lake.get_connection() as connection:
        connection.execute(f"attach {text(str(target))} as outside")
        try:
            connection.execute(f"create schema {schema}")
            connection.execute(
                f"create table {schema}.{quote(dataset.name.table)} as"
                f" select {columns} from {table(dataset.name)}"
            )
        except duckdb.CatalogException as error:
            raise UnknownDatasetError(
                f"{dataset.name} was never published",
                declared=dataset.declared,
                data="nothing was tested",
                next=f"watermain materialize {dataset.name}",
            ) from error
        finally:
            connection.execute("detach outside")


def _run(word: str, file: Path, place: Path) -> list[dict[str, Any]]:
    """What the tool says of each of its checks."""
    report = place / f"{word}.json"
    command = [str(project().root / TOOL), word, str(file.resolve()), "--output-format", "json"]
    command += ["--output", str(report)]
    done = subprocess.run(
        command,
        cwd=place,
        env={
            **child_environment(),
            "DATACONTRACT_DUCKDB_DATABASE": str(place / "lake.duckdb"),
            "TERM": "dumb",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=MOST_SECONDS,
    )
    if not report.exists():
        return [{"name": word, "result": "error", "reason": (done.stderr or done.stdout)[-300:]}]
    checks: list[dict[str, Any]] = json.loads(report.read_text())["checks"]
    return checks


def _told(dataset: Dataset, word: str, checks: list[dict[str, Any]]) -> Iterator[str]:
    failed = [c for c in checks if c["result"] in ("failed", "error")]
    if failed or not checks:
        told = "; ".join(f"{c['name']}: {' '.join(str(c.get('reason')).split())}" for c in failed)
        raise BrokenContractError(
            f"{dataset.name}: datacontract {word} refuses {len(failed)} of {len(checks)}: {told}",
            declared=shown(dataset.name),
            data="what is published stays",
            next=f"watermain explain {dataset.name}",
        )
    for check in checks:
        yield f"{word:<5}{check['result']:<9}{check['name']}"
