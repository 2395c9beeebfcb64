"""The reading of Avro records within bounds, however few bytes they come from.

Source: Avro 1.12, "Binary Encoding": what has a value reads a byte at least, except for nulls,
empty records and fixed values of no size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from io import BytesIO
from typing import Any, NamedTuple

import fastavro
from fastavro import _read_py

from watermain.source.poison import POISON, UnreadableRecordError, cannot_be_read
from watermain.source.text.measure import MOST_VALUES, TOO_MANY

_CONTAINERS = {"array": "items", "map": "values"}


class Budget(BytesIO):
    """Give bytes until more values were read of them than one record may hold."""

    def __init__(self, data: bytes, weight: int) -> None:
        super().__init__(data)
        self.data, self.weight, self.spent = data, weight, 0

    def read(self, size: int | None = -1) -> bytes:
        """Give bytes. Raises: UnreadableRecordError."""
        self.spent += self.weight
        if self.spent > MOST_VALUES:
            raise UnreadableRecordError(TOO_MANY)
        return super().read(size)


class Unread(NamedTuple):
    """A record that cannot be read, as its bytes, and the reason."""

    reason: str
    data: bytes


class RecordReading:
    """Read records of one schema, parsed as the library has it.

    Guarantees: no record makes more than MOST_VALUES values, and one that holds records of its
    own kind is read by a reader that counts how deep it is, for the fast one ends the process.
    """

    def __init__(self, schema: Any, names: Mapping[str, Any] | None = None) -> None:
        self.schema = schema
        walk = _SchemaLook(names or {})
        self.weight = 1 + walk.empties(schema, ())
        self.grows = walk.grows
        self._read: Callable[..., Any] = (
            _read_py.schemaless_reader if walk.is_recursive else fastavro.schemaless_reader
        )

    def opened(self, data: bytes) -> BytesIO:
        """Open bytes so that reading one record of them stays within bounds."""
        many = self.grows and len(data) * self.weight > MOST_VALUES
        return Budget(data, self.weight) if many or self.weight > MOST_VALUES else BytesIO(data)

    def record(self, stream: BytesIO) -> Any:
        """Read the next record."""
        if isinstance(stream, Budget):
            stream.spent = 0
        return self._read(stream, self.schema, None)

    def unread(self, stream: BytesIO, begin: int, error: BaseException) -> Unread:
        """Pass over the record that begins there, making nothing of it.

        Raises: whatever says that its end cannot be found.
        """
        if isinstance(error, EOFError):
            raise error
        data = stream.data if isinstance(stream, Budget) else stream.getvalue()
        beside = BytesIO(data)
        beside.seek(begin)
        self._read(beside, self.schema, self._nothing)
        stream.seek(beside.tell())
        return Unread(cannot_be_read(error), data[begin : beside.tell()])

    @cached_property
    def _nothing(self) -> Any:
        """A record of the same name without a field: a reader of it passes over all of them."""
        name = str(self.schema["name"])
        return fastavro.parse_schema({"type": "record", "name": name, "fields": []})

    def some(self, stream: BytesIO, most: int) -> list[Any]:
        """Read at least one record, at most so many; one that cannot be read is an Unread."""
        begin = stream.tell()
        if not isinstance(stream, Budget):
            try:
                return [self.record(stream) for _ in range(most)]
            except (UnreadableRecordError, *POISON):
                stream.seek(begin)
        found: list[Any] = []
        while len(found) < most and (not found or stream.tell() - begin < MOST_VALUES):
            at = stream.tell()
            try:
                found.append(self.record(stream))
            except (UnreadableRecordError, *POISON) as error:
                found.append(self.unread(stream, at, error))
        return found


class _SchemaLook:
    """Look at a schema once: may its values be many, deep or made of no bytes."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names, self.grows, self.is_recursive = dict(names), False, False
        self._known: dict[str, int] = {}

    def empties(self, node: Any, above: tuple[str, ...]) -> int:
        """Count the values of a type that take no bytes, within the named types `above` it."""
        if isinstance(node, list):
            return max((self.empties(each, above) for each in node if each != "null"), default=0)
        kind = node.get("type") if isinstance(node, dict) else node
        if isinstance(kind, dict | list):
            return self.empties(kind, above)
        if kind in above:
            self.grows = self.is_recursive = True
            return 0
        if kind in self.names:
            if kind not in self._known:
                self._known[kind] = self.empties(self.names[kind], above)
            return self._known[kind]
        return self._unnamed(kind, node, above)

    def _unnamed(self, kind: Any, node: Any, above: tuple[str, ...]) -> int:
        if kind in _CONTAINERS:
            self.grows = True
            return self.empties(node[_CONTAINERS[kind]], above)
        if kind in ("record", "error"):
            return self._fields(node, (*above, str(node["name"])))
        return int(kind == "null" or (kind == "fixed" and not node["size"]))

    def _fields(self, node: Mapping[str, Any], above: tuple[str, ...]) -> int:
        found = sum(self.empties(each["type"], above) for each in node["fields"])
        found += not node["fields"]
        self.names.setdefault(above[-1], node)
        self._known[above[-1]] = found
        return found
