"""JSON records turned into rows of text, every number as it was written."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from itertools import islice

from watermain.source.extra import packed, sound_text
from watermain.source.text.json_text import Deep, Doubled, Number, single, written
from watermain.source.text.measure import TOO_DEEP, deep_parts, excess

PAYLOAD_CHARACTERS = 64 * 2**10
MOST_UNKNOWN = 1000
MOST_VALUES = 5_000_000  # of all the records that come at once


class UnfitRecordError(Exception):
    """Report a record that cannot become a row, and what stands in its place."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def parsed(body: bytes) -> object:
    """Read JSON; numbers stay text, so that nothing is rounded.

    Guarantees: what lies too deep is there as it was written, so that its neighbours are read.
    Raises: ValueError, also for what never ends, has too many values or is no UTF-8.
    """
    deep: dict[str, Deep] = {}
    match excess(body, MOST_VALUES):
        case None:
            pass
        case reason if reason != TOO_DEEP:
            raise ValueError(f"it {reason}")
        case _:
            body, deep = _shallow(body)
    try:
        return json.loads(
            body.decode(),
            parse_float=Number,
            parse_int=(lambda text: deep.get(text) or Number(text)) if deep else Number,
            parse_constant=Number,
            object_pairs_hook=single,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _shallow(body: bytes) -> tuple[bytes, dict[str, Deep]]:
    """Put a number that nobody can guess in the place of each part that lies too deep."""
    parts = deep_parts(body)
    if parts is None:
        raise ValueError("it is nested too deeply")
    given, at, base = list[bytes](), 0, secrets.randbits(256) | 1 << 256
    deep: dict[str, Deep] = {}
    for number, (begin, end) in enumerate(parts):
        mark = str(base + number)
        deep[mark] = Deep(body[begin:end].decode())
        given += [body[at:begin], mark.encode()]
        at = end
    return b"".join([*given, body[at:]]), deep


def found_at(answer: object, path: str, absent: object = None) -> object:
    """Give what lies at a dotted path, or `absent` where nothing does; an empty path is the whole.

    Below null lies null.
    """
    for name in filter(None, path.split(".")):
        if answer is None:
            return None
        if not isinstance(answer, dict) or name not in answer:
            return absent
        answer = answer[name]
    return answer


class RecordRows:
    """Turn records into tuples of text, in the order of the declared columns.

    `unknown` collects the names that nobody declared, in the order of their first appearance.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._declared = frozenset(columns)
        self._unknown: dict[str, None] = {}

    @property
    def unknown(self) -> tuple[str, ...]:
        """Name the columns that came undeclared."""
        return tuple(self._unknown)

    def beyond(self, record: object) -> str | None:
        """Pack what a record has that nobody declared; None for nothing."""
        if not isinstance(record, dict) or self._declared.issuperset(record):
            return None
        return packed((n, _text(v)) for n, v in record.items() if n not in self._declared)

    def row(self, record: object) -> tuple[str | None, ...]:
        """Give the row of a record; a column that it leaves out is null.

        Raises: UnfitRecordError.
        """
        if not isinstance(record, dict):
            raise UnfitRecordError("it is no object")
        try:
            if (fault := _fault(record)) is not None:
                raise UnfitRecordError(fault)
            values = tuple(_text(record.get(name)) for name in self.columns)
            for value in values:
                if value is not None and not value.isascii():
                    value.encode()
        except UnicodeEncodeError:
            raise UnfitRecordError("it holds half a character") from None
        except RecursionError:
            raise UnfitRecordError("it is nested too deeply") from None
        if not self._declared.issuperset(record):
            room = MOST_UNKNOWN - len(self._unknown)
            names = (sound_text(n) for n in record if n not in self._declared)
            fresh = (n for n in names if n not in self._unknown)
            self._unknown.update(dict.fromkeys(islice(fresh, room)))
        return values


def payload(record: object) -> str:
    """Write down a record that did not fit, as far as there is room."""
    try:
        text = written(record)
    except RecursionError:
        text = str(type(record))
    return text[:PAYLOAD_CHARACTERS].encode("utf-8", "backslashreplace").decode()


def digest(values: Iterable[str | None]) -> bytes:
    """Give sixteen bytes that stand for these values in this order and tell nulls apart."""
    made = hashlib.blake2b(digest_size=16)
    for value in values:
        if value is None:
            made.update(b"\xff")
            continue
        data = value.encode("utf-8", "surrogatepass")
        made.update(len(data).to_bytes(9) + data)
    return made.digest()


def _text(value: object) -> str | None:
    if value is None or type(value) is str:
        return value
    if isinstance(value, Number):
        return str(value)
    return written(value)


def _fault(record: object) -> str | None:
    """Say what makes a record unfit, however deep it lies."""
    waiting = [record]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Doubled):
            return "it names something twice"
        if isinstance(value, Deep):
            return f"it {TOO_DEEP}"
        inside = value.values() if isinstance(value, dict) else value
        if isinstance(inside, Iterable):
            waiting += [each for each in inside if isinstance(each, dict | list | Deep)]
    return None
