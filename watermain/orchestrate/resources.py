"""What a code location runs on, as Dagster's resources show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import Field, InitResourceContext, ResourceDefinition

from watermain.declare.connection.connection import Connection
from watermain.declare.errors import InvalidDeclarationError
from watermain.lake.lake import Lake
from watermain.online.address import VARIABLE
from watermain.online.opening import EMBEDDED
from watermain.orchestrate.instance.lake_resource import settled
from watermain.settings import Settings
from watermain.source.outside import Connections


def resources(settings: Settings, connections: Connections) -> dict[str, ResourceDefinition]:
    """The lake, its engine, the online store, and then each connection by its name.

    Guarantees: of a secret its reference is shown; of an address in a variable the variable's
    name; and no run can set any of it.
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
    """A resource whose page lists its facts; a run that sets one of them fails."""

    def given(context: InitResourceContext) -> Any:
        if context.resource_config != told:
            raise InvalidDeclarationError.nothing_happened(
                "a run brings its own options of a resource",
                declared=description,
                next="leave them out; change them where they are declared",
            )
        return value

    fields = {name: Field(str, default_value=text) for name, text in told.items()}
    return ResourceDefinition(resource_fn=given, config_schema=fields, description=description)
