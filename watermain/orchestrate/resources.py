"""What a code location runs on, as Dagster's resources show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import Field, ResourceDefinition

from watermain.declare.connection.connection import Connection
from watermain.lake.lake import Lake
from watermain.online.address import VARIABLE
from watermain.online.opening import EMBEDDED
from watermain.orchestrate.instance.lake_resource import settled
from watermain.settings import Settings
from watermain.source.outside import Connections


def resources(settings: Settings, connections: Connections) -> dict[str, ResourceDefinition]:
    """The lake, its engine, the online store, then each connection by its name.

    Guarantees: of a secret its reference is shown; of an address in a variable the variable's
    name; no run can set any of it.
    """
    engine = {"memory_limit": settings.memory_limit, "threads": str(settings.threads)}
    named = settings.online_store is not None
    store = {"address": f"in {VARIABLE}" if named else f"{EMBEDDED} in the data folder"}
    return {
        "lake": settled(Lake.from_settings()),
        "engine": _shown(engine, engine, "DuckDB, as each step opens it."),
        "online_store": _shown(store, store, "Where the newest features are kept to be served."),
        **{name: _connection(each, settings) for name, each in sorted(connections.items())},
    }


def _connection(word: Connection, settings: Settings) -> ResourceDefinition:
    told = word.shown()
    if hasattr(word, "address") and (settings.given_source(word.name) or not told.get("address")):
        told["address"] = f"in {word.variable}"
    return _shown(word, told, f"{type(word).__name__}, declared at {word.declared}.")


def _shown(value: Any, told: Mapping[str, str], description: str) -> ResourceDefinition:
    """A resource whose facts are fixed, so that its page lists them and no run sets them."""
    fields = {name: Field(str, is_required=False) for name in told}
    made = ResourceDefinition(
        resource_fn=lambda _: value, config_schema=fields, description=description
    )
    fixed: ResourceDefinition = made.configured(dict(told), description=description)
    return fixed
