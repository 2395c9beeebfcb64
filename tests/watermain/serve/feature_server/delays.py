"""Feature tables to serve, a store in memory to serve them from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pyarrow as pa

from tests.watermain.source.web_server import served
from watermain.clock import FixedClock
from watermain.declare import (
    Column,
    Contract,
    Dataset,
    DatasetName,
    Feature,
    FeatureSet,
    Online,
    feature_table,
)
from watermain.declare.errors import UnreachableSystemError
from watermain.online.protocol import Cursor, StoredRow
from watermain.serve.feature_server.application import application
from watermain.serve.feature_server.asking import Asking
from watermain.serve.feature_server.catalog import Catalog
from watermain.serve.feature_server.consumers import Doorkeeper
from watermain.serve.feature_server.reader import ThreadReader

NOW = datetime(2013, 1, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEPT = Online()
NUMBER, TEXT, WHOLE = pa.float64(), pa.string(), pa.int64()
Types = Mapping[str, pa.DataType]


def declare(table: str, entity: Types, features: Types, **words: Any) -> Dataset:
    """Declare a feature table over nothing, kept online for an hour unless the words differ."""
    feature = Feature(entity=tuple(entity), **{"max_age": HOUR, "online": KEPT, **words})
    contract = Contract(
        grain=f"one row per {' '.join(entity)} with hour",
        key=(*entity, "hour_at"),
        event_time="hour_at",
        columns=(
            *(Column(name, kind, "whom it describes") for name, kind in entity.items()),
            Column("hour_at", pa.timestamp("us", "UTC"), "since when"),
            *(Column(name, kind, "a feature", unit="minutes") for name, kind in features.items()),
        ),
    )

    @feature_table(
        f"prediction.features.{table}",
        feature=feature,
        contract=contract,
        owner="team:prediction",
    )
    def made() -> pa.Table:
        """Describe nothing."""
        return contract.schema.empty_table()

    return made


MANY = {
    "name": TEXT,
    "small": pa.int32(),
    "price": pa.decimal128(12, 2),
    "seen_at": pa.timestamp("us", "UTC"),
    "seen_on": pa.date32(),
    "late": pa.bool_(),
    "mark": pa.binary(),
}
AIRPORT = declare("airport_delay", {"airport": TEXT}, {"mean": NUMBER, "departures": WHOLE})
AIRPORT_2 = declare("airport_delay", {"airport": TEXT}, {"mean": NUMBER, "p90": NUMBER}, version=2)
AIRPORT_3 = declare(
    "airport_delay", {"airport": TEXT}, {"median": NUMBER}, version=3, state="candidate"
)
ROUTE = declare(
    "route_delay", {"airport": TEXT, "flight": pa.int16()}, {"mean": NUMBER}, max_age=None
)
KINDS = declare("kinds", {"airport": TEXT}, MANY)
OLD = declare("carrier_delay", {"carrier": TEXT}, {"mean": NUMBER}, state="retired")
OFFLINE = declare("weather_delay", {"airport": TEXT}, {"mean": NUMBER}, online=None)
DATASETS = (AIRPORT, AIRPORT_2, AIRPORT_3, ROUTE, KINDS, OLD, OFFLINE)
SET = FeatureSet(
    name="departure", features=("airport_delay@1", "route_delay:mean"), owner="team:prediction"
)


def catalog(*sets: FeatureSet, datasets: Sequence[Dataset] = DATASETS) -> Catalog:
    """A catalog of those tables with these sets, by default with one."""
    known: dict[DatasetName, Dataset] = {d.name: d for d in datasets}
    return Catalog(known, {"prediction": sets or (SET,)})


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@dataclass
class MemoryStore:
    """An online store in a dictionary, which can be told to fail or to dawdle."""

    rows: dict[tuple[str, bytes], StoredRow] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None
    closed: int = 0

    def hold(self, dataset: Dataset, entity: Sequence[Any], at: datetime, **features: Any) -> None:
        """Store one row."""
        key = (str(dataset.name), orjson.dumps(list(entity)))
        self.rows[key] = StoredRow(micros(at), orjson.dumps(features, default=_told))

    def get(self, wanted: Sequence[tuple[str, bytes]]) -> list[StoredRow | None]:
        """Read rows."""
        self.before()
        return [self.rows.get(each) for each in wanted]

    def put(
        self, table: str, entries: pa.Table, cursor: Cursor | None, ttl: timedelta | None = None
    ) -> int:
        """Serving writes nothing."""
        raise AssertionError(table)

    def correct(self, table: str, corrections: pa.Table, ttl: timedelta | None = None) -> int:
        """Serving writes nothing."""
        raise AssertionError(table)

    def scan(self, table: str) -> Iterator[pa.Table]:
        """Serving reads by key."""
        raise AssertionError(table)

    def cursor(self, table: str) -> Cursor | None:
        """Serving asks for no cursor."""
        raise AssertionError(table)

    def drop(self, table: str) -> None:
        """Serving writes nothing."""
        raise AssertionError(table)

    def close(self) -> None:
        """Count how often it was closed."""
        self.closed += 1

    def __enter__(self) -> MemoryStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _told(value: object) -> str:
    assert isinstance(value, Decimal)
    return str(value)


def filled() -> MemoryStore:
    """A store with a fresh row, a stale one, rows of several tables."""
    store = MemoryStore()
    store.hold(AIRPORT, ["JFK"], NOW - HOUR / 2, mean=12.5, departures=2**53 + 1)
    store.hold(AIRPORT, ["LGA"], NOW - 2 * HOUR, mean=3.25, departures=7)
    store.hold(AIRPORT_2, ["JFK"], NOW, mean=12.5, p90=40.0)
    store.hold(ROUTE, ["JFK", 1], NOW - 240 * HOUR, mean=-1.5)
    return store


def unreachable() -> UnreachableSystemError:
    """What a store raises that is away."""
    return UnreachableSystemError(
        "the online store is away", declared="a test", data="unchanged", next="wait"
    )


def server(
    store: MemoryStore, door: Doorkeeper | None = None, patience: timedelta = timedelta(seconds=20)
) -> Asking:
    """A feature server over a store, at NOW."""
    reader = ThreadReader(lambda: store, threads=2, patience=patience)
    return Asking(catalog(), reader, door, FixedClock(NOW))


@contextmanager
def asked(serving: Asking) -> Iterator[httpx.Client]:
    """Ask a feature server over a real connection."""
    with (
        served(application(serving)) as url,
        httpx.Client(base_url=url, trust_env=False, verify=False, timeout=60) as client,
    ):
        yield client
