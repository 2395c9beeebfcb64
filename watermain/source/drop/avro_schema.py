"""The schema that an Avro file carries, as far as it can be trusted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Self

import fastavro
import pyarrow as pa

from watermain.declare.errors import quoted
from watermain.source.delivery import UnreadableFileError

_DEEPEST = 64
_MOST_NODES = 10_000
_WRONG = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
_MOST_DIGITS = 76
_PLAIN: dict[str, pa.DataType] = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "fixed": pa.binary(),
    "string": pa.string(),
    "enum": pa.string(),
}
_LOGICAL: dict[str, pa.DataType] = {
    "date": pa.date32(),
    "time-millis": pa.time32("ms"),
    "time-micros": pa.time64("us"),
    "timestamp-millis": pa.timestamp("ms", "UTC"),
    "timestamp-micros": pa.timestamp("us", "UTC"),
    "timestamp-nanos": pa.timestamp("ns", "UTC"),
    "local-timestamp-millis": pa.timestamp("ms"),
    "local-timestamp-micros": pa.timestamp("us"),
    "local-timestamp-nanos": pa.timestamp("ns"),
}
_ON_NUMBERS = ("int", "long")


@dataclass(frozen=True)
class Leaf:
    """Hold the type of a column's values."""

    type: pa.DataType

    def array(self, values: list[Any]) -> pa.Array:
        """Turn decoded values into a column without rounding any."""
        if pa.types.is_decimal(self.type):
            return pa.array([self._decimal(each) for each in values], self.type)
        return pa.array(values, self.type)

    def _decimal(self, value: bytes | None) -> Decimal | None:
        if value is None:
            return None
        if len(value) > _MOST_DIGITS:
            raise ValueError(f"a decimal of {len(value)} bytes")
        return Decimal(f"{int.from_bytes(value, 'big', signed=True)}e-{self.type.scale}")


@dataclass(frozen=True)
class _Extent:
    """Hold whether values of a type may take no bytes, and how deep and how large its tree is."""

    is_empty: bool
    height: int = 1
    nodes: int = 1


class Schema:
    """Know the shape of a file's records.

    Guarantees: schemas that could make a reader run for ever or out of its stack are refused:
    recursion, and lists of what takes no bytes. Numbers stay as stored: no logical type is applied
    by the decoder. Raises: UnreadableFileError.
    """

    def __init__(self, root: Any, parsed: Any, names: dict[str, Any]) -> None:
        self.root, self.parsed, self.names = root, parsed, names

    @classmethod
    def of(cls, written: bytes) -> Self:
        """Read the schema as the file's writer wrote it."""
        try:
            root = json.loads(written)
            proof = _Proof()
            proof.of(root)
            parsed = fastavro.parse_schema(_bare(root))
        except (*_WRONG, fastavro.schema.SchemaParseException) as error:
            raise UnreadableFileError(f"its schema cannot be read: {error!r}") from None
        if not isinstance(root, dict) or root.get("type") != "record":
            raise UnreadableFileError("its schema is no record")
        return cls(root, parsed, proof.names)

    def leaf(self, path: tuple[str, ...]) -> Leaf:
        """Find the type of a column."""
        node: Any = self.root
        for depth, step in enumerate(path):
            node = self._resolved(node)
            if not isinstance(node, dict) or node.get("type") != "record":
                raise UnreadableFileError(f"`{'.'.join(path[:depth])}` is no record")
            fields = [each["type"] for each in node["fields"] if each["name"] == step]
            if not fields:
                raise UnreadableFileError(
                    f"it lacks {quoted(['.'.join(path)])}",
                    ", ".join(each["name"] for each in node["fields"]),
                    (".".join(path),),
                )
            node = fields[0]
        return Leaf(_type(self._resolved(node), ".".join(path)))

    def beyond(self, paths: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
        """Find the fields that no path enters, also in records that one enters."""
        return tuple(sorted(self._beyond(self.root, list(paths), ())))

    def _beyond(
        self, node: Any, paths: list[tuple[str, ...]], above: tuple[str, ...]
    ) -> Iterator[tuple[str, ...]]:
        for field in node["fields"]:
            inner = [path[1:] for path in paths if path[0] == field["name"]]
            here = (*above, field["name"])
            if not inner:
                yield here
            elif deeper := [path for path in inner if path]:
                kind = self._resolved(field["type"])
                if isinstance(kind, dict) and kind.get("type") == "record":
                    yield from self._beyond(kind, deeper, here)

    def _resolved(self, node: Any) -> Any:
        """Follow names; of a union with null take the other branch."""
        while True:
            if isinstance(node, list):
                others = [each for each in node if each != "null"]
                if len(others) != 1:
                    return node
                node = others[0]
            elif isinstance(node, str) and node in self.names:
                node = self.names[node]
            elif isinstance(node, dict) and isinstance(node.get("type"), dict | list):
                node = node["type"]
            else:
                return node


def _type(node: Any, name: str) -> pa.DataType:
    kind = (
        node if isinstance(node, str) else node.get("type") if isinstance(node, dict) else "union"
    )
    logical = node.get("logicalType") if isinstance(node, dict) else None
    if kind not in _PLAIN:
        raise UnreadableFileError(f"`{name}` is {kind}, which has no single text")
    if logical in _LOGICAL and kind in _ON_NUMBERS:
        return _LOGICAL[logical]
    if logical == "decimal" and kind in ("bytes", "fixed"):
        precision, scale = node.get("precision"), node.get("scale", 0)
        if not 0 < precision <= _MOST_DIGITS or not 0 <= scale <= precision:
            raise UnreadableFileError(f"`{name}` is a decimal of {precision} digits")
        return pa.decimal256(precision, scale)
    return _PLAIN[kind]


class _Proof:
    """Walk a schema once; refuse what is dangerous and gather its names."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self._found: dict[str, _Extent] = {}

    def of(self, node: Any) -> _Extent:
        """Measure a type.

        Raises: ValueError, KeyError or TypeError, for what is no schema or a dangerous one.
        """
        extent = self._measured(node)
        if extent.height > _DEEPEST or extent.nodes > _MOST_NODES:
            raise ValueError("it is nested too deeply")
        return extent

    def _measured(self, node: Any) -> _Extent:
        if isinstance(node, list):
            return replace(_around([self.of(each) for each in node]), is_empty=False)
        if isinstance(node, str):
            if node in self.names and node not in self._found:
                raise ValueError(f"{node!r} holds itself")
            return self._found.get(node, _Extent(node == "null"))
        kind = node["type"]
        match kind:
            case "array" | "map":
                inside = self.of(node["items" if kind == "array" else "values"])
                if kind == "array" and inside.is_empty:
                    raise ValueError("it lists what takes no bytes")
                return replace(_around([inside]), is_empty=False)
            case "record" | "error" | "enum" | "fixed":
                return self._named(kind, node)
            case _:
                return self.of(kind)

    def _named(self, kind: str, node: dict[str, Any]) -> _Extent:
        own = {_full_name(node), str(node["name"]).rpartition(".")[2]}
        self.names.update(dict.fromkeys(own, node))
        if kind == "fixed":
            extent = _Extent(int(node["size"]) <= 0)
        elif kind == "enum":
            extent = _Extent(False)
        else:
            extent = _around([self.of(each["type"]) for each in node["fields"]])
        self._found.update(dict.fromkeys(own, extent))
        return extent


def _around(parts: list[_Extent]) -> _Extent:
    return _Extent(
        all(each.is_empty for each in parts),
        1 + max((each.height for each in parts), default=0),
        1 + sum(each.nodes for each in parts),
    )


def _full_name(node: dict[str, Any]) -> str:
    name, space = str(node["name"]), node.get("namespace")
    return name if "." in name or not space else f"{space}.{name}"


def _bare(node: Any) -> Any:
    """Leave out logical types and defaults, so that values are decoded as they were stored."""
    if isinstance(node, list):
        return [_bare(each) for each in node]
    if isinstance(node, dict):
        return {k: _bare(v) for k, v in node.items() if k not in ("logicalType", "default")}
    return node
