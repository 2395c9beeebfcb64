"""The imports that a warm process does once for all the runs it forks."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import yaml
from dagster import Definitions
from dagster.components.definitions import LazyDefinitions

import watermain
from watermain.dbt.dbt import project_files
from watermain.engine.exchange.type_words import OF_LOGICAL, engine_type
from watermain.engine.rooms.connections import connections
from watermain.machine.extras import missing
from watermain.settings import project
from watermain.source import opening

ALWAYS = (
    *(f"watermain.orchestrate.launch.{name}" for name in ("worker", "executor")),
    *(f"watermain.orchestrate.launch.rooms.{name}" for name in ("code_server", "keeper")),
    "watermain.orchestrate.instance.compute_logs",
    *("dagster_postgres", "dagster._grpc.server", "pyarrow.dataset"),
)
SHARED = (  # what every room comes to need
    "watermain.orchestrate.location",
    "watermain.orchestrate.dbt_asset",
    "watermain.engine.rooms.from_dbt",
    "watermain.engine.exchange.odcs",
    "watermain.engine.rooms.last_good",
    "watermain.declare.feature_table",
    "watermain.declare.promise.remedy",
    "watermain.declare.body.change",
    "watermain.declare.body.telling",
    "watermain.process.instance",
    # What answers one question in a fork, each minute or so.
    "watermain.observe.watch.ledger.look",
    "watermain.observe.asked",
    "watermain.engine.promise.published",
    "sqlglot.dialects.duckdb",
    "croniter",
    # What Dagster itself imports late: for definitions, for an instance on PostgreSQL.
    "dagster._core.definitions.repository_definition.repository_data_builder",
    "dagster._core.definitions.external_asset",
    "dagster._core.types.primitive_mapping",
    "dagster._core.types.transform_typing",
    "dagster._core.instance.factory",
    "dagster._core.storage.root",
    "dagster._core.utility_ops",
    "dagster._utils.test.definitions",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "psycopg2.extras",
    "upath.implementations.local",
)
KINDS = (  # what every room would open an engine for, to ask what that calls them
    *OF_LOGICAL.values(),
    *(pa.int8(), pa.int16(), pa.int32(), pa.float32(), pa.binary(), pa.timestamp("us")),
)
ON_DEMAND = {  # by the extra that they need, beside the kinds of source
    "avro": ("watermain.source.drop.avro_rows", "watermain.source.kafka.avro_values"),
    "kafka": ("watermain.source.kafka.protobuf_values",),
}


def watched(*, unread: bool = False) -> list[Path]:
    """List what the definitions are made from: our modules, the rooms and the dbt project.

    With `unread`, every file of a room too: of one that failed to load any may mend it.
    """
    ours, product = project(), Path(watermain.__file__).parent
    folders = (ours.rooms_folder, ours.resources_folder) if unread else ()
    files = [path for folder in folders for path in folder.rglob("*.py")]
    marts = project_files() if ours.dbt_folder.exists() else []
    return [ours.root, ours.workspace, product, *marts, *files]


def locations(workspace: Path | None = None) -> dict[str, str]:
    """Give the module of each code location in a workspace.yaml, the project's by default."""
    workspace = workspace or project().workspace
    if not workspace.exists():
        return {}
    places = yaml.safe_load(workspace.read_text())["load_from"]
    modules = [place["python_module"] for place in places if "python_module" in place]
    told = [{"module_name": one} if isinstance(one, str) else one for one in modules]
    return {one.get("location_name", one["module_name"]): one["module_name"] for one in told}


def shared() -> dict[str, str]:
    """Import what rooms are loaded with, but no room; give the traceback of what fails."""
    failures = _failures((*_always(), *SHARED))
    try:
        connections()
    except Exception:  # the company's own code, whatever it raises
        failures["connections"] = traceback.format_exc()
    for kind in KINDS:
        engine_type(kind)
    return failures


def preload(names: Sequence[str]) -> dict[str, str]:
    """Import modules and resolve the definitions in them; give the traceback of those that fail.

    Without names: the locations of the workspace. A module that fails here fails again in the run
    that needs it, where Dagster reports it: code that is not ours enters here.
    """
    return _failures((*_always(), *(names or locations().values())))


def loaded(name: str) -> BaseException | None:
    """Import a module, and resolve the definitions in it; give what it raised."""
    try:
        for value in list(vars(importlib.import_module(name)).values()):
            found = value() if isinstance(value, LazyDefinitions) else value
            if isinstance(found, Definitions):
                found.get_repository_def().get_all_jobs()
    except (Exception, SystemExit) as error:
        return error
    return None


def _always() -> list[str]:
    extras = [name for extra, held in ON_DEMAND.items() if not missing(extra) for name in held]
    return [*ALWAYS, *opening.modules(), *extras]


def _failures(names: Sequence[str]) -> dict[str, str]:
    failed = {name: error for name in names if (error := loaded(name)) is not None}
    return {name: "".join(traceback.format_exception(error)) for name, error in failed.items()}
