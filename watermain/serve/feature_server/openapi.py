"""The feature server's specification, written from the declarations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import orjson
import pyarrow as pa

from watermain.declare.dataset import Dataset
from watermain.declare.feature_ref import feature_of, table_name
from watermain.serve.feature_server import arrow_answer, problem
from watermain.serve.feature_server.catalog import MOST_FEATURES, Catalog
from watermain.serve.feature_server.question import MOST_ENTITIES, limits

VERSION = "3.1.0"
Schema = dict[str, Any]
_JSON = "application/json"
_KEYS = {"key": {"type": "http", "scheme": "bearer"}}
_WHO = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
_ASKED = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_RETRIED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def specification(catalog: Catalog, *, has_keys: bool) -> bytes:
    """Write OpenAPI 3.1 as JSON."""
    who = _WHO if has_keys else ()
    secured: Schema = {"security": [{"key": []}]} if has_keys else {}
    answer = _content(_JSON, _ref("Answer")) | _content(arrow_answer.MEDIA_TYPE, {})
    ask = {
        "operationId": "features",
        "summary": "The newest features of entities.",
        "requestBody": {"required": True, "content": _content(_JSON, _ref("Question"))},
        "responses": _responses("What the store holds.", answer, (*who, *_ASKED)),
        **secured,
    }
    listing = _get("catalog", "The tables, the sets.", _content(_JSON, _ref("Catalog")), who)
    metrics = _get("metrics", "Figures.", _content("text/plain", {"type": "string"}), who[:2])
    down = (HTTPStatus.SERVICE_UNAVAILABLE,)
    health = _get("health", "Whether the store answers.", _content(_JSON, _ref("Health")), down)
    itself = _get("specification", "This document.", _content(_JSON, {"type": "object"}), ())
    return orjson.dumps(
        {
            "openapi": VERSION,
            "info": {"title": "Watermain features", "version": "1"},
            "paths": {
                "/v1/features": {"post": ask, "get": listing | secured},
                "/healthz": {"get": health},
                "/metrics": {"get": metrics | secured},
                "/openapi.json": {"get": itself},
            },
            "components": {
                "schemas": {"Question": _question(catalog), **_answers()},
                **({"securitySchemes": _KEYS} if has_keys else {}),
            },
        }
    )


def _get(name: str, summary: str, content: Schema, refusals: Iterable[HTTPStatus]) -> Schema:
    return {
        "operationId": name,
        "summary": summary,
        "responses": _responses(summary, content, refusals),
    }


def _responses(told: str, content: Schema, refusals: Iterable[HTTPStatus]) -> Schema:
    found: Schema = {"200": {"description": told, "content": content}}
    for status in refusals:
        refusal: Schema = {
            "description": status.phrase,
            "content": _content(problem.MEDIA_TYPE, _ref("Problem")),
        }
        if status in _RETRIED:
            whole = {"type": "integer", "minimum": 1}
            refusal["headers"] = {"Retry-After": {"required": True, "schema": whole}}
        found[str(int(status))] = refusal
    return found


def _content(media_type: str, schema: Schema) -> Schema:
    return {media_type: {"schema": schema}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _question(catalog: Catalog) -> Schema:
    """What may be asked: each set with its entities, and any features with theirs."""
    kinds: dict[str, dict[pa.DataType, None]] = {}
    for dataset in catalog.tables.values():
        for name in feature_of(dataset).entity:
            kinds.setdefault(name, {})[dataset.contract.column(name).type] = None
    refs = {"anyOf": [{"type": "string", "pattern": p} for p in _references(catalog)]}
    features = {"type": "array", "minItems": 1, "maxItems": MOST_FEATURES, "items": refs}
    free = _asked({"features": features}, kinds, required=())
    sets = [
        _asked({"feature_set": {"const": name}}, plan.entities, required=sorted(plan.entities))
        for name, (_, plan) in catalog.sets.items()
    ]
    return {"oneOf": [free, *sets]}


def _asked(
    what: Schema,
    kinds: dict[str, Any] | dict[str, tuple[pa.DataType, ...]],
    required: Iterable[str],
) -> Schema:
    entities: Schema = {
        "type": "object",
        "description": "Columns of equal length: one value for each entity that is asked for.",
        "properties": {name: _column(tuple(each)) for name, each in sorted(kinds.items())},
        "additionalProperties": False,
        "minProperties": 1,
        "required": list(required),
    }
    return {
        "type": "object",
        "properties": {**what, "entities": entities},
        "required": [*what, "entities"],
        "additionalProperties": False,
    }


def _column(kinds: tuple[pa.DataType, ...]) -> Schema:
    items = [_value(kind) for kind in kinds]
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_ENTITIES,
        "items": items[0] if len(items) == 1 else {"anyOf": items},
    }


def _value(kind: pa.DataType) -> Schema:
    if pa.types.is_string(kind):
        return {"type": "string"}
    low, high = limits(kind)
    return {"type": "integer", "minimum": low, "maximum": high}


def _references(catalog: Catalog) -> Iterable[str]:
    """Patterns of every right reference: a version may be missing where one is current."""
    current: dict[str, int] = {}
    for dataset in catalog.tables.values():
        if feature_of(dataset).state == "current":
            name = table_name(dataset)
            current[name] = max(current.get(name, 0), feature_of(dataset).version)
    for _, dataset in sorted(catalog.tables.items()):
        yield _reference(dataset, current.get(table_name(dataset)))


def _reference(dataset: Dataset, current: int | None) -> str:
    feature = feature_of(dataset)
    names = "|".join(map(re.escape, feature.columns(dataset.contract)))
    may = "?" if feature.version == current else ""
    return f"^{re.escape(table_name(dataset))}(@{feature.version}){may}(:({names}))?$"


def _answers() -> Schema:
    """What is answered."""
    text: Schema = {"type": "string"}
    maybe = {"type": ["string", "null"], "format": "date-time"}
    table = {
        "table": text,
        "version": {"type": "integer", "minimum": 1},
        "status": _list({"enum": ["present", "stale", "missing"]}),
        "event_time": _list(maybe),
        "features": _list({"type": "object"}),
    }
    problem_of = dict.fromkeys(("type", "title", "detail", "declared", "data", "next"), text)
    column = {"name": text, "type": text, "unit": {"type": ["string", "null"]}}
    listed = {
        "table": text,
        "version": {"type": "integer"},
        "state": text,
        "owner": text,
        "description": text,
        "grain": text,
        "max_age_seconds": {"type": ["number", "null"]},
        "entity": _list(_object({**column, "description": text})),
        "features": _list(_object({**column, "description": text})),
    }
    named = {"name": text, "description": text, "owner": text}
    named |= {"features": _list(text), "entity": _list(text)}
    return {
        "Answer": _object({"tables": _list(_object(table))}),
        "Catalog": _object({"tables": _list(_object(listed)), "sets": _list(_object(named))}),
        "Health": _object({"status": {"const": "ok"}}),
        "Problem": _object({**problem_of, "status": {"type": "integer"}}),
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
