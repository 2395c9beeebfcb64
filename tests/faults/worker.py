"""The work of one process of the fault tests."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb
import ibis.backends.duckdb  # noqa: F401  (imported before the fork, so that no worker pays)
import psycopg

from tests.faults import declared, defects, files, room, stored, till
from tests.faults.orders import Order, Reply
from tests.watermain.engine.feed import Feed
from watermain.clock import Clock, FixedClock
from watermain.declare import Dataset, DatasetName, Postgres
from watermain.declare.errors import WatermainError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.lake import checkpoint, ledger
from watermain.lake.lake import Lake, table
from watermain.settings import PREFIX, load_settings
from watermain.source.files.files import FileSource
from watermain.source.kafka.kafka import KafkaSource  # noqa: F401
from watermain.source.mqtt.mqtt import MqttSource  # noqa: F401
from watermain.source.opening import open_source
from watermain.source.postgres.postgres import PostgresSource  # noqa: F401
from watermain.source.protocol import Source
from watermain.source.rest.rest import RestSource
from watermain.source.webhook.webhook import WebhookSource  # noqa: F401

FAILPOINT = f"{PREFIX}FAILPOINT"


def work(order: Order, pipe: Connection) -> None:
    """Do the verbs; send one reply."""
    for name in [n for n in os.environ if n.startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update(order.environment)
    if order.defect:
        defects.PLANTS[order.defect]()
    results: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    try:
        if order.small:
            results["small"] = room.shrink(order.small, order.small_bytes)
        for verb in order.verbs:
            if order.failpoint and verb == order.at:
                os.environ[FAILPOINT] = order.failpoint
            began = time.monotonic()
            results[verb] = VERBS[verb](order.given)
            seconds[verb] = time.monotonic() - began
            os.environ.pop(FAILPOINT, None)
    except WatermainError as error:
        pipe.send(Reply(results, type(error).__name__, str(error), seconds))
    else:
        pipe.send(Reply(results, seconds=seconds))
    pipe.close()


def _lake() -> Lake:
    """The lake, without the third of a second in which an engine checks its own extensions."""
    unchecked = {"connection_config": {"allow_unsigned_extensions": True}}
    return Lake.from_settings().model_copy(update=unchecked)


def _job() -> Job:
    return Job(lake=_lake(), find=declared.KNOWN.__getitem__)


def _initialize(given: Mapping[str, Any]) -> None:
    lake = _lake()
    lake.initialize()
    with lake.get_connection() as connection:
        ledger.create(connection)


def _standing(given: Mapping[str, Any]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Where the ledger stands, where a PostgreSQL source believes that we stand."""
    captured = _captured(given)
    with _lake().get_connection() as connection:
        ends = checkpoint.ends(connection, captured.name)
        known = {shard: end.position for shard, end in ends.items()}
    if not isinstance(captured.source, Postgres):
        return known, []
    dsn = load_settings().source(declared.CONNECTION)
    with psycopg.connect(dsn) as source:
        slots = source.execute(
            "select slot_name::text, confirmed_flush_lsn::text from pg_replication_slots"
            " where database = current_database() and confirmed_flush_lsn is not null"
        ).fetchall()
    return known, slots


def _captured(given: Mapping[str, Any]) -> Dataset:
    """The raw dataset, its source as this world words it."""
    found = declared.KNOWN[DatasetName.parse(given.get("captured", str(declared.steps.name)))]
    assert found.source is not None
    return replace(found, source=replace(found.source, **given.get("source", {})))


def _source(captured: Dataset, given: Mapping[str, Any]) -> Source:
    """The source, opened at the time of this world."""
    source = Feed(*given["feed"]) if "feed" in given else open_source(captured, load_settings(), {})
    clock = FixedClock(datetime.fromisoformat(given["now"])) if "now" in given else Clock()
    if isinstance(source, RestSource):
        source.access = replace(source.access, clock=clock)
    if isinstance(source, FileSource):
        source.clock = clock
    return source


def _verify(given: Mapping[str, Any]) -> None:
    """Prove that the source can be read; an MQTT session begins here."""
    captured = _captured(given)
    _source(captured, given).verify()


def _capture(given: Mapping[str, Any]) -> int:
    captured = _captured(given)
    return len(capture(captured, _job(), source=_source(captured, given)).outcomes)


def _publish(given: Mapping[str, Any]) -> list[str]:
    """Publish the datasets one after another; give the partitions that became visible."""
    done = []
    for name in given.get("datasets", [str(declared.pieces.name)]):
        known = declared.KNOWN[DatasetName.parse(name)]
        publication = publish(known, declared.SPAN, _job())
        publication.refuse_blocked()
        done += [o.partition for o in publication.outcomes if o.published]
    return done


def _inspect(given: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the oracle compares."""
    captured = _captured(given)
    raw, curated = captured.name, declared.pieces.name
    is_log = isinstance(captured.source, Postgres)
    op = "_op" if is_log else "'i'"
    queries = {
        "raw": f'select {op}, id, shard, seq, "at"::varchar, amount from {table(raw)}',
        "batches": "select shard, from_position, to_position, rows, quarantined"
        f" from {ledger.BATCHES} where stream = '{raw}'",
        "quarantined": f"select position, payload from {ledger.QUARANTINE} where dataset = '{raw}'",
        "captured": "select partition, sum(rows_out)::bigint"
        f" from {ledger.PUBLISHES} where dataset = '{raw}' group by 1",
    }
    if is_log:
        queries |= {
            "curated": f'select id, shard, seq, "at"::varchar, amount from {table(curated)}',
            "promised": "select partition, arg_max(rows_out, (epoch, published_at))"
            f" from {ledger.PUBLISHES} where dataset = '{curated}' group by 1",
        }
    with _lake().get_connection() as connection:
        found: dict[str, Any] = {n: connection.execute(q).fetchall() for n, q in queries.items()}
        paths = files.named(connection)
    return {**found, "files": len(paths), "lost_files": files.lost(paths)}


def _stream(given: Mapping[str, Any]) -> list[str]:
    captured = _captured(given)
    return stored.streamed(captured, _source(captured, given), _job(), given)


def _seen(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """Day, rows, pieces, lowest version, highest version of each partition."""
    return connection.execute(
        'select "at"::date::varchar, count(*), count(distinct id), min(amount), max(amount)'
        f" from {table(declared.pieces.name)} group by 1 order by 1"
    ).fetchall()


def _kept(given: Mapping[str, Any]) -> dict[str, Any]:
    """Rows, batches, quarantine of one captured dataset."""
    name = DatasetName.parse(given["captured"])
    queries = {
        "rows": f"select id, seq, amount from {table(name)} order by all",
        "batches": "select shard, from_position, to_position, rows, quarantined"
        f" from {ledger.BATCHES} where stream = '{name}' order by epoch, committed_at, rowid",
        "quarantined": f"select position, reason from {ledger.QUARANTINE}"
        f" where dataset = '{name}' order by position",
    }
    with _lake().get_connection() as connection:
        return {each: connection.execute(sql).fetchall() for each, sql in queries.items()}


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Each boundary value that the lake holds, the names of those put aside; times as text."""
    name = _captured(given).name
    times = {"day", "at", "moment"}
    columns = [column.name for column in declared.VALUE_COLUMNS]
    chosen = [f'"{c}"::varchar' if c in times else f'"{c}"' for c in columns]
    latest = " qualify row_number() over (partition by id order by _lsn desc, _seq desc) = 1"
    only = latest if name == declared.values["postgres"].name else ""
    with _lake().get_connection() as connection:
        rows = connection.execute(f"select {', '.join(chosen)} from {table(name)}{only}").fetchall()
        aside = connection.execute(
            f"select distinct regexp_extract(payload, 'v[0-9]{{4}}') from {ledger.QUARANTINE}"
            f" where dataset = '{name}'"
        ).fetchall()
    held = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
    return {"rows": held, "aside": {row[0] for row in aside}}


def _look(given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The partitions as a reader sees them now."""
    with _lake().get_connection() as connection:
        return _seen(connection)


def _watch(given: Mapping[str, Any]) -> Counter[tuple[tuple[Any, ...], ...]]:
    """Count each picture that a reader gets until somebody writes the file `until`."""
    seen: Counter[tuple[tuple[Any, ...], ...]] = Counter()
    with _lake().get_connection() as connection:
        while not os.path.exists(given["until"]):
            seen[tuple(_seen(connection))] += 1
    return seen


def _cramped(given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Fill the lake's disk up to each level, work, make room, work again; tell how it went.

    `feeds` holds what has arrived by each turn, `levels` the bytes that are left free.
    """
    ballast = Path(load_settings().lake_folder) / "ballast"
    told = []
    for feed, level in zip(given["feeds"], given["levels"], strict=True):
        room.fill(ballast, level)
        try:
            _capture({"feed": feed})
            _publish({})
            said = "published"
        except WatermainError as error:
            said = type(error).__name__
        with _lake().get_connection() as connection:
            before = _seen(connection)
        ballast.unlink()
        _capture({"feed": feed})
        _publish({})
        with _lake().get_connection() as connection:
            told.append((said, before, _seen(connection)))
    return told


VERBS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "initialize": _initialize,
    "standing": _standing,
    "verify": _verify,
    "capture": _capture,
    "publish": _publish,
    "inspect": _inspect,
    "kept": _kept,
    "values": _values,
    "look": _look,
    "watch": _watch,
    "cramped": _cramped,
    "stream": _stream,
    "sweep": stored.swept,
    **till.VERBS,
}
