"""The source that captures what a resource of dlt yields."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from watermain import durable
from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.errors import SourceError, UnreachableSystemError, quoted
from watermain.declare.outside.brought import Dlt
from watermain.source.brought.frame_rows import NoFrameError, arrow_of, whole
from watermain.source.brought.frames import handed
from watermain.source.brought.handover import Handover
from watermain.source.extra import any_text
from watermain.source.outside import Outside
from watermain.source.protocol import Backlog, Batch, Limit, Shape
from watermain.source.text.json_records import found_at
from watermain.source.text.json_text import Number, written

SHARD = "resource"
MOST_ITEMS = 2_000_000  # records, or frames, of one extraction, which is whole in memory
PASSING = ("ConnectionError", "Timeout", "ConnectTimeout", "ReadTimeout", "ChunkedEncodingError")
_LATER = (429, 500, 502, 503, 504)


class DltCapture:
    """Extract one resource with the state that the ledger holds; give all it yields as one batch.

    Guarantees: dlt's own files are neither read nor written: state, rows and position commit
    together, or none of them does.
    Raises: SourceError, for what a resource raises; UnreachableSystemError, for what may pass.
    """

    def __init__(self, word: Dlt, shape: Shape, scratch: Path) -> None:
        self.word, self.shape, self.clock = word, shape, Clock()
        self.asked = scratch / "dlt" / f"{shape.dataset}.asked"

    @classmethod
    def of(cls, dataset: Dataset, outside: Outside) -> Self:
        """Open the source that a dataset declares."""
        word = dataset.source
        assert isinstance(word, Dlt)
        return cls(word, Shape.of(dataset), outside.scratch)

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give what is new since the state of `after`, whole."""
        before = Handover.parse(after.get(SHARD, ""))
        now = self.clock.now()
        with self._told():
            table, state = self._extracted(before.state)
        batch = handed(table, self.shape, SHARD, before, at=now, state=state)
        self.asked.parent.mkdir(parents=True, exist_ok=True)
        durable.replace(self.asked, now.isoformat())
        if batch is not None:
            yield batch

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Nothing is kept that could be let go."""

    def backlog(self) -> Backlog:
        """An extraction waits when the last one is long enough ago."""
        try:
            last = datetime.fromisoformat(self.asked.read_text())
        except (FileNotFoundError, ValueError):
            last = None
        waits = last is None or self.clock.now() - last >= self.word.look_every
        return Backlog(files=int(waits), noun=("extraction", "extractions"))

    def verify(self) -> None:
        """Prove that the source can be made, and that it has the resource."""
        with self._told():
            self._source()

    def _extracted(self, state: str) -> tuple[pa.Table, str]:
        """What the resource yields from a state on, and the state that it leaves."""
        from dlt.common.configuration.container import Container
        from dlt.common.json import json
        from dlt.common.pipeline import StateInjectableContext

        held: Any = json.typed_loads(state) if state else {}
        with Container().injectable_context(StateInjectableContext(state=held)):
            items = list(islice(self._source(), MOST_ITEMS + 1))
        if len(items) > MOST_ITEMS:
            raise self._wrong(
                f"it yields more than {MOST_ITEMS:,} records at once",
                "begin later, by the `initial_value` of its incremental, or yield frames",
            )
        return self._table(items), json.typed_dumps(held, sort_keys=True) if held else ""

    def _source(self) -> Any:
        """The source with the one resource selected."""
        from dlt.extract import DltResource, DltSource

        found: Any = self.word.source
        if not isinstance(found, DltSource | DltResource):
            found = found()
        if isinstance(found, DltResource):
            names = [found.name]
        elif isinstance(found, DltSource):
            names = list(found.resources)
        else:
            raise self._wrong(f"it is a {type(found).__name__}", "give a dlt source or resource")
        if self.word.resource not in names:
            raise self._wrong(
                f"it has no resource `{self.word.resource}`", f"use one of {quoted(names)}"
            )
        return found if isinstance(found, DltResource) else found.with_resources(self.word.resource)

    def _table(self, items: list[Any]) -> pa.Table:
        """What was yielded, as texts: records and, of the sources that yield them, frames."""
        records = [item for item in items if isinstance(item, Mapping)]
        frames = [arrow_of(item) for item in items if not isinstance(item, Mapping)]
        if records:
            frames.append(arrow_of([self._record(record) for record in records]))
        if not frames:
            return pa.table({name: pa.nulls(0, pa.string()) for name in self.shape.columns})
        try:
            return pa.concat_tables(frames, promote_options="permissive")
        except pa.ArrowException:  # one column in two types that nothing holds
            return pa.concat_tables(map(_as_texts, frames), promote_options="default")

    def _record(self, record: Mapping[str, Any]) -> dict[str, str | None]:
        plain: dict[str, Any] = {str(name): _plain(value) for name, value in record.items()}
        for column, path in self.word.fields.items():
            plain[column] = found_at(plain, path)
        for used in {path.partition(".")[0] for path in self.word.fields.values()}:
            if used not in self.shape.columns:
                plain.pop(used, None)
        return {name: _text(value) for name, value in plain.items()}

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in our words what dlt or the team's own code raised."""
        try:
            yield
        except (SourceError, UnreachableSystemError):
            raise
        except NoFrameError as error:
            raise self._wrong(f"it yields {error}", "yield dicts or frames") from error
        except Exception as error:  # the team's own code, whatever it raises
            causes = list(_causes(error))
            said = " ".join(str(causes[-1]).split())[:300]
            what = f"it raised {type(causes[-1]).__name__}: {said}"
            if any(_passes(each) for each in causes):
                raise UnreachableSystemError.nothing_read(
                    f"{self._what}: {what}",
                    declared=self.shape.declared,
                    next="wait; it is asked again by itself",
                ) from error
            raise self._wrong(what, "mend the source, or its secrets") from error

    def _wrong(self, what: str, next_step: str) -> SourceError:
        return SourceError.nothing_read(
            f"{self._what}: {what}", declared=self.shape.declared, next=next_step
        )

    @property
    def _what(self) -> str:
        return f"{self.shape.dataset}, {self.word}"


def _as_texts(table: pa.Table) -> pa.Table:
    names = table.column_names
    columns = [any_text(n, whole(c)) for n, c in zip(names, table.columns, strict=True)]
    return pa.table(columns, names=names)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what brought it about, the first cause last."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or at.__context__


def _passes(error: BaseException) -> bool:
    """Whether what happened may pass without anybody's doing."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    names = {kind.__name__ for kind in type(error).__mro__}
    return status in _LATER or bool(names.intersection(PASSING))


_AS_JSON: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    ((str, bool, type(None)), lambda each: each),
    ((int, Decimal), lambda each: Number(str(each))),
    (float, lambda each: Number(repr(each)) if math.isfinite(each) else None),
    ((date, time), lambda each: each.isoformat()),
    (bytes, lambda each: "\\x" + each.hex()),
    (Mapping, lambda each: {str(name): _plain(held) for name, held in each.items()}),
    ((list, tuple, set), lambda each: [_plain(held) for held in each]),
)


def _plain(value: Any) -> Any:
    """A value as JSON has it, every number with all its digits."""
    return next((said(value) for kind, said in _AS_JSON if isinstance(value, kind)), str(value))


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    return str(value) if isinstance(value, Number) else written(value)
