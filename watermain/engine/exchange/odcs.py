"""Released contracts as documents of the Open Data Contract Standard, version 3."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from watermain.declare.cadence import Cadence
from watermain.declare.compatibility import is_draft
from watermain.declare.contract import Column
from watermain.declare.name import DatasetName
from watermain.declare.promise.plain import plain
from watermain.declare.quarantine import UNLIMITED
from watermain.declare.slo import Slo
from watermain.engine.exchange.dbt_sources import arrow_type
from watermain.engine.exchange.released import Released
from watermain.engine.exchange.rule_words import rule_of
from watermain.engine.exchange.type_words import engine_type, logical_type, type_word

VERSION = "v3.1.0"  # what tools of others read today; 3.2 adds nothing that is said here
HEAD = "# Written by `watermain contract export` from {declared}; a test proves it current.\n"


def document(promise: Released, declared: str = "a declaration") -> str:
    """The YAML of a released contract.

    Guarantees: `read_document` gives the same promise back.
    Raises: UnreadableContractError, for a type that YAML has no word for.
    """
    body = facts(promise)
    OpenDataContractStandard(**body)
    text = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=96)
    return HEAD.format(declared=declared) + str(text)


def facts(promise: Released) -> dict[str, Any]:
    """The document as plain values."""
    name, contract = DatasetName.parse(promise.name), promise.contract
    found = {
        "apiVersion": VERSION,
        "kind": "DataContract",
        "id": promise.name,
        "name": promise.name,
        "version": contract.version,
        "status": "draft" if is_draft(contract) else "active",
        "domain": name.team,
        "description": {"purpose": promise.description} if promise.description else None,
        "servers": [_server(name)],
        "team": {"name": promise.owner},
        "schema": [_table(name, promise)],
        "slaProperties": _sla(name, promise),
        "customProperties": _properties(
            captured=promise.is_captured or None,
            definition=promise.definition or None,
            cadence=_cadence(promise.cadence),
            slo=_slo(promise.slo),
            migrations={m.version: m.readers for m in contract.migrations},
        ),
    }
    return _told(found)


def _server(name: DatasetName) -> dict[str, Any]:
    return {"server": "lake", "type": "duckdb", "database": "lake", "schema": name.schema}


def _table(name: DatasetName, promise: Released) -> dict[str, Any]:
    contract = promise.contract
    cut = promise.cadence is not None
    rules: dict[str | None, list[dict[str, Any]]] = {}
    for check in promise.checks:
        column, rule = rule_of(check, is_partitioned=cut)
        rules.setdefault(column, []).append(rule)
    keys = {} if promise.is_captured else {k: n for n, k in enumerate(contract.key, 1)}
    return _told(
        {
            "name": name.table,
            "physicalName": name.table,
            "physicalType": "table",
            "logicalType": "object",
            "dataGranularityDescription": contract.grain,
            "properties": [
                _property(column, keys.get(column.name), rules.get(column.name))
                for column in contract.columns
            ],
            "quality": rules.get(None),
            "customProperties": _properties(
                key=None if keys or contract.keyless else [*contract.key],
                keyless=contract.keyless or None,
                eventTime=contract.event_time,
                repeatsWithin=_repeats(contract.repeats_within),
                quarantine=_told(vars(contract.quarantine))
                if contract.quarantine != UNLIMITED
                else None,
                drift=contract.drift
                if promise.is_captured and contract.drift != "divert"
                else None,
            ),
        }
    )


def _property(
    column: Column, position: int | None, rules: list[dict[str, Any]] | None
) -> dict[str, Any]:
    engine = engine_type(column.type)
    told = engine is not None and arrow_type(engine) == column.type
    return {
        "name": column.name,
        **_told(
            {
                "logicalType": logical_type(column.type),
                "physicalType": engine,
                "description": column.description,
                "primaryKey": True if position else None,
                "primaryKeyPosition": position,
                "required": None if column.nullable else True,
                "classification": column.sensitivity.value,
                "quality": rules,
                "customProperties": _properties(
                    unit=column.unit, arrowType=None if told else type_word(column.type)
                ),
            }
        ),
    }


def _sla(name: DatasetName, promise: Released) -> list[dict[str, Any]]:
    slo, event = promise.slo, promise.contract.event_time
    if slo is None:
        return []
    element = {"element": f"{name.table}.{event}"} if event else {}
    latency = {
        **(
            {"property": "timeOfAvailability", "value": slo.due.cron}
            if slo.due
            else {"property": "latency", "value": plain(slo)["readyWithinSeconds"], "unit": "s"}
        ),
        **element,
        "description": _promise(slo, promise.cadence),
    }
    return [latency]


def _slo(slo: Slo | None) -> dict[str, Any] | None:
    """What the standard's latency has no place for."""
    if slo is None:
        return None
    return {k: v for k, v in plain(slo).items() if k != "readyWithinSeconds"}


def _promise(slo: Slo, cadence: Cadence | None) -> str:
    return slo.told(cadence) if cadence else str(slo)


def _cadence(cadence: Cadence | None) -> dict[str, Any] | None:
    if cadence is None:
        return None
    return {
        "every": type(cadence).__name__,
        "zone": cadence.zone,
        **({"start": cadence.start.isoformat()} if cadence.start else {}),
        "lateForSeconds": _seconds(cadence.late_for),
        "idleAfterSeconds": _seconds(cadence.idle_after),
    }


def _repeats(within: timedelta | None) -> int | float | str | None:
    return "ever" if within == timedelta.max else None if within is None else _seconds(within)


def _seconds(span: timedelta) -> int | float:
    exact = span.total_seconds()
    return int(exact) if exact.is_integer() else exact


def _properties(**words: Any) -> list[dict[str, Any]] | None:
    return [{"property": k, "value": v} for k, v in words.items() if v not in (None, {})] or None


def _told(words: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in words.items() if v is not None and v != []}
