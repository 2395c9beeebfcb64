"""A lake of its own for one test, or one module of tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from watermain.declare.cadence import Cadence
from watermain.declare.dataset import Dataset
from watermain.declare.errors import UnknownDatasetError
from watermain.declare.name import DatasetName
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job, Publication
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span, is_zoned, spans
from watermain.engine.table.table import is_there
from watermain.lake import ledger, quarantine
from watermain.lake.lake import Lake, table
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import PREFIX, Settings
from watermain.testing.called import ordered
from watermain.testing.declared_input import declaration
from watermain.testing.feed import GivenSource
from watermain.testing.given_rows import Given, GivenRowsError, TypedRows, as_table
from watermain.testing.moved_clock import MovedClock

UNTOUCHED = "the lake stands as it stood"


@dataclass
class TrialLake:
    """Give rows, publish what is computed of them, and read it back.

    Guarantees: captures, audits and publishes are the platform's own, on a real lake.
    """

    lake: Lake
    clock: MovedClock = field(default_factory=MovedClock)
    known: dict[DatasetName, Dataset] = field(default_factory=dict)

    def know(self, *datasets: Dataset) -> None:
        """Let datasets be found by name that no room of the project declares."""
        self.known |= {d.name: d for d in datasets}

    def find(self, name: DatasetName) -> Dataset:
        """The declaration of a dataset.

        Raises: UnknownDatasetError.
        """
        found = declaration(name, self.known.values())
        if found is None:
            raise UnknownDatasetError(
                f"neither this test nor a room of the project declares `{name}`",
                declared="watermain.testing.TrialLake",
                data=UNTOUCHED,
                next="let the lake know it: .know(dataset)",
            )
        return found

    @property
    def job(self) -> Job:
        """What a publish in this lake is told."""
        return Job(lake=self.lake, find=self.find, run_id="test", clock=self.clock)

    def given(self, dataset: Dataset, rows: Given, *partitions: str) -> Publication:
        """Put rows into a dataset: of a raw one they are captured behind those before.

        Shapes: of a computed one they take the body's place in the partitions that they lie in
        and in those named; what stood there is gone. Columns that are left out are null.
        Guarantees: the contract is held, including its key; declared checks are the body's matter.
        Raises: GivenRowsError or BrokenContractError.
        """
        self.know(dataset)
        if not dataset.is_computed:
            source = GivenSource(dataset, rows, self.clock.now())
            return capture(dataset, self.job, source=source)
        return self._stood_in(dataset, rows, partitions)

    def publish(
        self, dataset: Dataset, first: str | None = None, last: str | None = None
    ) -> Publication:
        """Compute a dataset or its partitions from first to last, as the platform does.

        Raises: GivenRowsError, for an input of which nothing was given; InvalidPartitionError;
        or BrokenContractError, for what a check holds back.
        """
        self.know(dataset)
        span = _span(dataset, first, last)
        self._refuse_missing(dataset)
        done = publish(dataset, span, self.job)
        done.refuse_blocked()
        return done

    def rows(self, dataset: Dataset, *partitions: str) -> TypedRows:
        """The rows that readers see, all or those of some partitions, in the order of the key."""
        where = "true"
        if partitions:
            found = [_span(dataset, key, key) for key in partitions]
            where = " or ".join(span.filter(dataset.contract) for span in found if span)
        with self.lake.get_connection() as connection:
            if not is_there(connection, dataset.name):
                return TypedRows(dataset.contract.schema.empty_table())
            return TypedRows(ordered(connection, dataset.contract, table(dataset.name), where))

    def aside(self, dataset: Dataset) -> list[dict[str, Any]]:
        """The rows that were put aside, each with `why`, its `payload` and how it stands."""
        with self.lake.get_connection() as connection:
            return quarantine.listed(connection, str(dataset.name))

    def _stood_in(self, dataset: Dataset, given: Given, partitions: tuple[str, ...]) -> Publication:
        schema = dataset.contract.schema
        rows = as_table(given, schema, of=str(dataset.name), declared=dataset.declared)
        plain = replace(
            dataset, inputs={}, needs={}, checks=(), mart=None, body=_cut(rows, dataset, None)
        )
        job = replace(self.job, rebuild=True)
        runs: list[Span | None] = [None]
        if dataset.cadence is not None:
            for key in partitions:
                dataset.cadence.local(key)
            runs = [*spans(dataset.cadence, sorted({*partitions, *_partitions(dataset, rows)}))]
            if not runs:
                raise _unclear(dataset, "no rows were given, and no partition", "name partitions")
        elif partitions:
            raise _unpartitioned(dataset)
        done = [publish(replace(plain, body=_cut(rows, dataset, s)), s, job) for s in runs]
        for each in done:
            each.refuse_blocked()
        return replace(done[-1], outcomes=tuple(o for each in done for o in each.outcomes))

    def _refuse_missing(self, dataset: Dataset) -> None:
        """Refuse to compute what lacks an input."""
        inputs = [(alias, self.find(name)) for alias, name in dataset.inputs.items()]
        with self.lake.get_connection() as connection:
            for alias, found in inputs:
                name = found.name
                if found.is_platforms or dataset.is_optional(name) or is_there(connection, name):
                    continue
                what = f"nothing was given of its input `{alias}` ({name})"
                raise _unclear(dataset, what, "give it rows: .given(dataset, [...])")


@contextmanager
def trial_lake(
    server: EmbeddedPostgres, folder: Path, clock: MovedClock | None = None
) -> Iterator[TrialLake]:
    """Open an empty lake in a folder for the block; it has a catalog of its own on the server.

    Guarantees: while it is open no setting but the project comes from anywhere else, and so
    nothing reaches a lake that somebody works with.
    """
    database = f"{folder.parent.name}_{folder.name}"
    server.ensure_database(database)
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields.keys() - {"project"}:
            patch.delenv(PREFIX + name.upper(), raising=False)
        patch.setenv("WATERMAIN_DATA_DIR", str(folder))
        patch.setenv("WATERMAIN_POSTGRES", server.dsn(database))
        lake = Lake.from_settings()
        lake.initialize()
        with lake.get_connection() as connection:
            ledger.create(connection)
        yield TrialLake(lake, clock or MovedClock())
        lake.forget()


def _span(dataset: Dataset, first: str | None, last: str | None) -> Span | None:
    """The partitions that are meant.

    Raises: InvalidPartitionError or GivenRowsError.
    """
    cadence = dataset.cadence
    if cadence is None:
        if first is not None:
            raise _unpartitioned(dataset)
        return None
    if first is None:
        usual = f"name one, such as {cadence.first!r}"
        raise _unclear(dataset, "its partitions were not named", usual)
    cadence.local(first), cadence.local(last or first)
    span = Span(cadence, first, last or first)
    if not span.keys:
        raise _unclear(dataset, f"{last} lies before {first}", "name the first partition first")
    return span


def _partitions(dataset: Dataset, rows: pa.Table) -> set[str]:
    """The partitions that rows lie in.

    Raises: GivenRowsError, for a row without an event time.
    """
    cadence, event = dataset.cadence, str(dataset.contract.event_time)
    assert cadence is not None
    found = set()
    for number, at in enumerate(rows.column(event).to_pylist()):
        if at is None:
            what = f"row {number} has no `{event}`, so it lies in no partition"
            raise _unclear(dataset, what, f"give `{event}` a value")
        found.add(_key(cadence, at, is_instant=is_zoned(dataset.contract)))
    return found


def _key(cadence: Cadence, at: date, *, is_instant: bool) -> str:
    if isinstance(at, datetime) and is_instant:
        key = cadence.key_of(at)
    else:
        local = at if isinstance(at, datetime) else datetime.combine(at, datetime.min.time())
        key = cadence.floor(local).strftime(cadence.format)
    cadence.local(key)
    return key


def _cut(rows: pa.Table, dataset: Dataset, span: Span | None) -> Any:
    """A body that gives the rows of a span."""
    if span is None:
        return lambda: rows
    event, keys = str(dataset.contract.event_time), set(span.keys)
    zoned = is_zoned(dataset.contract)
    inside = [
        _key(span.cadence, at, is_instant=zoned) in keys for at in rows.column(event).to_pylist()
    ]
    chosen = rows.filter(pa.array(inside, pa.bool_()))
    return lambda: chosen


def _unpartitioned(dataset: Dataset) -> GivenRowsError:
    what = "it has no cadence, hence no partitions"
    return _unclear(dataset, what, "leave the partitions out")


def _unclear(dataset: Dataset, what: str, next: str) -> GivenRowsError:
    return GivenRowsError(
        f"{dataset.name}: {what}", declared=dataset.declared, data=UNTOUCHED, next=next
    )
