"""The reader of JSON messages into columns of text, every number as it was written.

Source: RFC 8259; `NaN` and `Infinity` are refused, and of a name given twice the last counts,
unless such messages are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from json.decoder import JSONDecoder
from typing import Any

import pyarrow as pa

from watermain.source.delivery import Caps
from watermain.source.extra import packed, sound_text
from watermain.source.poison import Poisoned, sifted
from watermain.source.text.json_text import Doubled, Number, single, written
from watermain.source.text.measure import excess

Tree = dict[str, "Tree"]
_LEAF = ""
_SPACE = " \t\r\n"
_MOST_UNKNOWN = 1000
_AT_ONCE_BYTES = 8 * 2**20


@dataclass(frozen=True)
class DecodedMessages:
    """Hold the columns of the messages that could be read, and the reasons of the others.

    `kept` are the places of the messages behind the columns' rows, in order; `extra` is one
    column more where it was asked for.
    """

    kept: list[int]
    columns: list[pa.Array]
    refused: dict[int, str]
    extra: tuple[pa.Array, ...] = ()


class JsonMessages:
    """Decode messages, each a JSON object, into the declared columns.

    Guarantees: a number, `true` or `false` is handed on as its literal text, an object or list
    as JSON text, and `null` or a missing field as null. `unknown` gathers what nobody declared.
    With `once`, a message that gives a declared name twice is refused. With `keeps_extra`, what
    nobody declared is packed by its path. Whatever a message makes the decoding raise, it alone
    is refused; and one of more depth or more values than `measure` allows is not decoded at all.
    """

    def __init__(
        self,
        columns: Sequence[str],
        fields: Mapping[str, str],
        caps: Caps | None = None,
        *,
        once: bool = False,
        keeps_extra: bool = False,
    ) -> None:
        self.keeps_extra = keeps_extra
        self.caps = caps or Caps()
        self.paths = [
            tuple(fields[name].split(".")) if name in fields else (name,) for name in columns
        ]
        self.unknown: set[str] = set()
        self._tree = _tree(self.paths)
        decoder: Any = JSONDecoder(
            parse_float=str,
            parse_int=str,
            parse_constant=_no_constant,
            object_pairs_hook=single if once else None,
        )
        self._scan = decoder.scan_once
        self._exact: tuple[bytes | None, Any] = (None, None)

    def read(self, values: Sequence[bytes | None]) -> DecodedMessages:
        """Decode messages; what is refused is told by its place."""
        parts: list[DecodedMessages] = []
        for begin, end in _portions(values):
            for part in sifted(lambda at, to: self._read(values[at:to], at), begin, end):
                if isinstance(part, Poisoned):
                    none = self._read([], 0)
                    parts.append(replace(none, refused={part.place: part.reason}))
                else:
                    parts.append(part)
        return parts[0] if len(parts) == 1 else _joined(parts, extra=self.keeps_extra)

    def _read(self, values: Sequence[bytes | None], first: int) -> DecodedMessages:
        """Decode messages, the first of which has the place `first`."""
        objects, refused = self._objects(values)
        self._learn(list(objects.values()), self._tree, "")
        while True:
            columns = [self._column(path, objects, values, refused) for path in self.paths]
            spoiled = objects.keys() & refused.keys()
            if not spoiled:
                extra = self._extras(objects, values) if self.keeps_extra else ()
                kept = [first + at for at in objects]
                told = {first + at: why for at, why in refused.items()}
                return DecodedMessages(kept, columns, told, extra)
            objects = {at: each for at, each in objects.items() if at not in spoiled}

    def _extras(
        self, objects: Mapping[int, dict[str, Any]], values: Sequence[bytes | None]
    ) -> tuple[pa.Array, ...]:
        if not self.unknown:
            return (pa.nulls(len(objects), pa.string()),)
        texts = [
            packed(
                (".".join(path), self._text(found, values[at], path))
                for path, found in _beyond(each, self._tree, ())
            )
            for at, each in objects.items()
        ]
        return (pa.array(texts, pa.string()),)

    def _objects(
        self, values: Sequence[bytes | None]
    ) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
        objects: dict[int, dict[str, Any]] = {}
        refused: dict[int, str] = {}
        scan, most = self._scan, self.caps.row_bytes
        for at, value in enumerate(values):
            if value is None:
                refused[at] = "has no value: a tombstone"
            elif len(value) > most:
                refused[at] = f"is longer than {most} bytes"
            elif (why := excess(value)) is not None:
                refused[at] = why
            else:
                try:
                    text = value.decode()
                    found, end = scan(text, 0)
                    if end != len(text) or not isinstance(found, dict):
                        found = self._odd(text)
                    objects[at] = found
                except UnicodeDecodeError:
                    refused[at] = "is not UTF-8"
                except StopIteration:
                    self._retry(value, at, objects, refused)
                except _NoObjectError as error:
                    refused[at] = str(error)
                except (ValueError, RecursionError):
                    refused[at] = "is not JSON"
        return objects, refused

    def _retry(
        self, value: bytes, at: int, objects: dict[int, dict[str, Any]], refused: dict[int, str]
    ) -> None:
        """Read a message again that does not begin with its value: white space may."""
        try:
            objects[at] = self._odd(value.decode())
        except _NoObjectError as error:
            refused[at] = str(error)
        except (ValueError, RecursionError, StopIteration):
            refused[at] = "is not JSON"

    def _odd(self, text: str) -> dict[str, Any]:
        stripped = text.strip(_SPACE)
        found, end = self._scan(stripped, 0)
        if end != len(stripped):
            raise ValueError(end)
        if not isinstance(found, dict):
            raise _NoObjectError("is no JSON object")
        return found

    def _learn(self, objects: list[dict[str, Any]], tree: Tree, prefix: str) -> None:
        names: set[str] = set()
        names.update(*objects)
        if room := _MOST_UNKNOWN - len(self.unknown):
            fresh = {sound_text(prefix + name) for name in names - tree.keys()} - self.unknown
            self.unknown.update(sorted(fresh)[:room] if len(fresh) > room else fresh)
        for head, branch in tree.items():
            if branch and _LEAF not in branch:
                inner = [each[head] for each in objects if isinstance(each.get(head), dict)]
                self._learn(inner, branch, f"{prefix}{head}.")

    def _column(
        self,
        path: tuple[str, ...],
        objects: Mapping[int, dict[str, Any]],
        values: Sequence[bytes | None],
        refused: dict[int, str],
    ) -> pa.Array:
        found: list[Any] = list(objects.values())
        for depth, step in enumerate(path):
            if depth:
                for at, each in zip(objects, found, strict=True):
                    if each is not None and not isinstance(each, dict):
                        refused[at] = f"has no object in `{'.'.join(path[:depth])}`"
                _refuse_doubled(path[: depth + 1], objects, found, refused)
                found = [each.get(step) if isinstance(each, dict) else None for each in found]
            else:
                _refuse_doubled(path[:1], objects, found, refused)
                found = [each.get(step) for each in found]
        try:
            return pa.array(found, pa.string())
        except (pa.ArrowException, UnicodeEncodeError, TypeError):
            texts = [
                self._text(each, values[at], path) for at, each in zip(objects, found, strict=True)
            ]
        for at, text in zip(objects, texts, strict=True):
            if text is not None and not _is_unicode(text):
                refused[at] = f"has half a character in `{'.'.join(path)}`"
        return pa.array(
            [None if at in refused else text for at, text in zip(objects, texts, strict=True)],
            pa.string(),
        )

    def _text(self, value: Any, message: bytes | None, path: tuple[str, ...]) -> str | None:
        """Write a value as text; nested ones are decoded anew, since their numbers became text."""
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if self._exact[0] is not message:
            exact = json.loads(
                message or b"", parse_float=Number, parse_int=Number, object_pairs_hook=single
            )
            self._exact = message, exact
        exact = self._exact[1]
        for step in path:
            exact = exact[step]
        return written(exact)


def _portions(values: Sequence[bytes | None]) -> Iterator[tuple[int, int]]:
    """Cut messages such that those decoded at once are not too many bytes; none are one portion."""
    begin = size = 0
    for at, value in enumerate(values):
        long = len(value or b"")
        if size and size + long > _AT_ONCE_BYTES:
            yield begin, at
            begin, size = at, 0
        size += long
    yield begin, len(values)


def _joined(parts: Sequence[DecodedMessages], *, extra: bool) -> DecodedMessages:
    columns = zip(*(part.columns for part in parts), strict=True)
    beyond = [
        part.extra[0] if part.extra else pa.nulls(len(part.kept), pa.string()) for part in parts
    ]
    return DecodedMessages(
        [at for part in parts for at in part.kept],
        [pa.concat_arrays(each) for each in columns],
        {at: why for part in parts for at, why in part.refused.items()},
        (pa.concat_arrays(beyond),) if extra else (),
    )


class _NoObjectError(Exception):
    """Report a message that is JSON but no object."""


def _refuse_doubled(
    path: tuple[str, ...], places: Iterable[int], found: list[Any], refused: dict[int, str]
) -> None:
    for at, each in zip(places, found, strict=True):
        if type(each) is Doubled and each.count(path[-1]) > 1:
            refused[at] = f"names `{'.'.join(path)}` twice"


def _tree(paths: Iterable[tuple[str, ...]]) -> Tree:
    tree: Tree = {}
    for path in paths:
        branch = tree
        for step in path:
            branch = branch.setdefault(step, {})
        branch[_LEAF] = {}
    return tree


def _beyond(
    each: Mapping[str, Any], tree: Tree, above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What nobody declared, and its path."""
    for name, value in each.items():
        branch = tree.get(name)
        if branch is None or name == _LEAF:
            yield (*above, name), value
        elif _LEAF not in branch and isinstance(value, dict):
            yield from _beyond(value, branch, (*above, name))


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
