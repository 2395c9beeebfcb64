"""JSON records turned into rows of text, every number as it was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from resources.source.extra import packed
from resources.source.json_text import Doubled, Number, single, written

PAYLOAD_CHARACTERS = 64 * 2**10


class UnfitRecordError(Exception):
    """Report a record that cannot become a row, with what stands in its place."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def parsed(body: bytes) -> object:
    """Read JSON; numbers stay text, so that nothing is rounded.

    Raises: ValueError, also for what is nested too deeply or is no UTF-8.
    """
    try:
        return json.loads(
            body.decode(),
            parse_float=Number,
            parse_int=Number,
            parse_constant=Number,
            object_pairs_hook=single,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def found_at(answer: object, path: str, absent: object = None) -> object:
    """Give what lies at a dotted path, `absent` where nothing does; an empty path is the whole.

    Below null lies null.
    """
    for name in filter(None, path.split(".")):
        if answer is None:
            return None
        if not isinstance(answer, dict) or name not in answer:
            return absent
        answer = answer[name]
    return answer


class JsonRows:
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
            if _is_doubled(record):
                raise UnfitRecordError("it names something twice")
            values = tuple(_text(record.get(name)) for name in self.columns)
            for value in values:
                if value is not None and not value.isascii():
                    value.encode()
        except UnicodeEncodeError:
            raise UnfitRecordError("it holds half a character") from None
        except RecursionError:
            raise UnfitRecordError("it is nested too deeply") from None
        if not self._declared.issuperset(record):
            self._unknown.update((n, None) for n in record if n not in self._declared)
        return values


def payload(record: object) -> str:
    """Write down a record that did not fit, as far as there is room."""
    try:
        text = written(record)
    except RecursionError:
        text = str(type(record))
    return text[:PAYLOAD_CHARACTERS].encode("utf-8", "backslashreplace").decode()


def digest(values: Iterable[str | None]) -> bytes:
    """Give sixteen bytes that stand for these values in this order, nulls told apart."""
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


def _is_doubled(value: object) -> bool:
    match value:
        case Doubled():
            return True
        case dict():
            return any(_is_doubled(v) for v in value.values() if isinstance(v, dict | list))
        case list():
            return any(_is_doubled(each) for each in value)
        case _:
            return False
