"""The question that a request's body asks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
import pyarrow as pa

from watermain.declare.errors import quoted
from watermain.serve.feature_server.catalog import MOST_FEATURES, Catalog, Lookup, Part
from watermain.serve.feature_server.problem import RefusedRequestError, shown, unprocessable

MOST_BYTES = 2**20
MOST_ENTITIES = 5_000
MOST_ROWS = 20_000
_FIELDS = {"features", "feature_set", "entities"}
_SHAPE = '{"features": ["team.features.table:feature"], "entities": {"airport": ["JFK"]}}'
_KINDS = {type(None): "null", bool: "a boolean", int: "a whole number", float: "a number"}
_KINDS |= {str: "text", list: "an array", dict: "an object"}
_BOUNDARY = b"],["


@dataclass(frozen=True)
class Question:
    """The tables that are asked for, and of which entities.

    Shapes: each column of `entities` has `rows` values.
    """

    plan: Lookup
    entities: dict[str, list[Any]]
    rows: int

    def wanted(self) -> list[tuple[str, list[bytes]]]:
        """What to read from the store: the keys of each table."""
        return [(part.stored, self._keys(part)) for part in self.plan.parts]

    def _keys(self, part: Part) -> list[bytes]:
        """Write the keys of a table's rows; do so at once where no value looks like a boundary."""
        rows = list(zip(*[self.entities[name] for name in part.entity], strict=True))
        inside = orjson.dumps(rows)[2:-2].split(_BOUNDARY)
        if len(inside) != len(rows):
            return [orjson.dumps(row) for row in rows]
        return [b"[" + each + b"]" for each in inside]


def read_question(body: bytes, catalog: Catalog) -> Question:
    """Read a request's body.

    Guarantees: numbers are exact, no name stands twice, and every value has its column's type.
    Raises: RefusedRequestError or UnknownFeatureError.
    """
    found = _document(body)
    plan, entities = _plan(found, catalog), found.get("entities")
    if not isinstance(entities, dict):
        raise unprocessable("`entities` is no object of columns", f"send {_SHAPE}", "the body")
    _prove_names_once(body, found, entities)
    if entities.keys() != plan.entities.keys():
        raise _odd_columns(plan, entities)
    for name, values in entities.items():
        if not isinstance(values, list) or not values:
            raise unprocessable(
                f"entity `{name}` has no values", "give an array with one value for each row"
            )
    sizes = {name: len(values) for name, values in entities.items()}
    rows = max(sizes.values())
    if rows > MOST_ENTITIES or rows * len(plan.parts) > MOST_ROWS:
        raise too_large(f"{rows:,} entities of {len(plan.parts)} tables")
    if min(sizes.values()) != rows:
        told = ", ".join(f"`{name}` has {size}" for name, size in sorted(sizes.items()))
        raise unprocessable(
            f"the columns of `entities` differ in length: {told}", "give each row one of each"
        )
    for name, kinds in plan.entities.items():
        for kind in kinds:
            _prove_type(name, entities[name], kind)
    return Question(plan, entities, rows)


def too_large(what: str) -> RefusedRequestError:
    """Refuse more than is read at once."""
    return RefusedRequestError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"too much at once: {what}",
        next=f"ask in parts: at most {MOST_BYTES:,} bytes, {MOST_ENTITIES:,} entities,"
        f" {MOST_ROWS:,} entities times tables",
    )


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _malformed(str(error)) from None
    if not isinstance(found, dict):
        raise unprocessable(f"the body is {_KINDS[type(found)]}", f"send {_SHAPE}", "the body")
    if odd := found.keys() - _FIELDS:
        raise unprocessable(
            f"the body has unknown members: {quoted(map(shown, odd))}", f"send {_SHAPE}", "the body"
        )
    return found


def _plan(found: dict[str, Any], catalog: Catalog) -> Lookup:
    refs, name = found.get("features"), found.get("feature_set")
    if ("features" in found) == ("feature_set" in found):
        raise unprocessable("ask for `features` or a `feature_set`", f"send {_SHAPE}", "the body")
    if isinstance(name, str):
        return catalog.plan_of(name)
    if isinstance(refs, list) and len(refs) > MOST_FEATURES:
        raise too_large(f"{len(refs):,} references to features")
    if not isinstance(refs, list) or not refs or not all(isinstance(r, str) for r in refs):
        raise unprocessable(
            "`features` is a list of text, `feature_set` is text", f"send {_SHAPE}", "the body"
        )
    return catalog.plan(tuple(refs))


def _prove_names_once(body: bytes, found: dict[str, Any], entities: dict[str, Any]) -> None:
    """Refuse a name that stands twice in one object, of which a parser keeps the last.

    There are two objects, and so each colon beyond their names lies in text or belongs to a repeat.
    """
    if body.count(b":") != len(found) + len(entities) or b"\\" in body:
        json.loads(body, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _malformed(f"{quoted({shown(n) for n in names if names.count(n) > 1})} stands twice")
    return found


def _malformed(why: str) -> RefusedRequestError:
    return RefusedRequestError(
        HTTPStatus.BAD_REQUEST,
        f"the body is no JSON: {why}",
        declared="RFC 8259",
        next="send one JSON object in UTF-8, each name once",
    )


def _odd_columns(plan: Lookup, entities: dict[str, Any]) -> RefusedRequestError:
    missing, odd = plan.entities.keys() - entities.keys(), entities.keys() - plan.entities.keys()
    told = [f"{quoted(missing)} is missing"] * bool(missing)
    told += [f"{quoted(map(shown, odd))} identifies nothing that is asked for"] * bool(odd)
    return unprocessable(
        f"`entities`: {', '.join(told)}", f"give exactly the columns {quoted(plan.entities)}"
    )


def _prove_type(name: str, values: list[Any], kind: pa.DataType) -> None:
    """Refuse values that the column cannot hold: another type is another key, not the same."""
    right = str if pa.types.is_string(kind) else int
    kinds = set(map(type, values))
    if kinds != {right}:
        at = next(n for n, value in enumerate(values) if type(value) is not right)
        raise unprocessable(
            f"entity `{name}`: value {at} is {_KINDS[type(values[at])]}, not {_KINDS[right]}",
            f"give {kind} values",
        )
    if right is int:
        low, high = limits(kind)
        if min(values) < low or max(values) > high:
            raise unprocessable(
                f"entity `{name}`: a value is beyond {kind}", f"give {low} to {high}"
            )


def limits(kind: pa.DataType) -> tuple[int, int]:
    """The least and the greatest whole number of a type."""
    if pa.types.is_unsigned_integer(kind):
        return 0, 2**kind.bit_width - 1
    return -(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1
