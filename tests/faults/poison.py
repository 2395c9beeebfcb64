"""Poison records of each kind among good ones: each is kept equal or lies aside."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tests.faults import poison_words
from tests.faults.outcome import Bench, Outcome
from tests.faults.poison_words import Record
from tests.watermain.source.brokered import KafkaKind, MqttKind
from tests.watermain.source.dropped import FilesKind
from tests.watermain.source.kinds import PostgresKind
from tests.watermain.source.web_kinds import HOUR, RestKind, WebhookKind
from tests.watermain.source.web_server import ThingsApi, served
from watermain.declare import Column, Contract, Dataset, Hourly, raw
from watermain.declare.errors import WatermainError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.source.poison import POISON
from watermain.source.protocol import Shape, Source
from watermain.source.rest.rest_memory import instant_text

KINDS = ("csv", "json", "parquet", "avro", "kafka", "mqtt", "rest", "webhook", "postgres")
GOOD_SHARE = 3  # a good record for so many poison ones
_NUMBERS = count()
CONTRACT = Contract(
    grain="one row per thing",
    key=("id",),
    event_time="at",
    columns=(
        Column("id", pa.string(), "the thing"),
        Column("at", pa.timestamp("us", "UTC"), "when"),
        Column("amount", pa.int64(), "how many"),
        Column("note", pa.string(), "about it"),
    ),
)
CADENCE = Hourly(start=date(2013, 1, 1))
WANTED = Shape(dataset="poison.raw.things", columns=("id",))
TABLE = (
    "create table public.poison (id text, at text, amount text, note text, extra text)",
    "alter table public.poison replica identity full",
    "alter publication watermain add table public.poison",
)


@dataclass
class Poisoning:
    """What came of the records of one kind."""

    kept: int = 0
    aside: int = 0
    problems: list[str] = field(default_factory=list)


@contextmanager
def told(kind: str, bench: Bench, home: Path, records: Sequence[Record]) -> Iterator[Any]:
    """An outside system that tells of these records; gives what opens a source of a shape."""
    with ExitStack() as stack:
        if kind in ("csv", "json", "parquet", "avro"):
            files = FilesKind(home / "drop", home / "scratch", kind)
            files.write(f"things.{kind}", poison_words.FILES[kind](records))
            yield files.open
        elif kind == "kafka":
            topic = KafkaKind(bench.systems.kafka, home, topic=f"poison_{next(_NUMBERS)}")
            for record in records:
                topic.send(record.told, timestamp=record.clock)
            yield topic.open
        elif kind == "mqtt":
            stations = MqttKind(bench.systems.mqtt, home)
            stations.open(WANTED).verify()  # the session of the dataset begins here
            stations.send(*(record.told for record in records))
            yield stations.open
        elif kind == "rest":
            api = ThingsApi(page=40)
            rest = RestKind(api, stack.enter_context(served(api.app)), home)
            for number, record in enumerate(records):
                at = rest.clock.now() + timedelta(seconds=number)
                api.add(instant_text(at), record.told.decode())
            rest.clock.instant += HOUR
            yield lambda shape: rest.open(shape, total=None)
        elif kind == "webhook":
            hooks = WebhookKind(home / "hooks")
            hooks.address = stack.enter_context(served(hooks.app))
            for number, record in enumerate(records):
                assert hooks.send(record.told, f"k{number}").status_code == 202
            yield hooks.open
        else:
            yield stack.enter_context(_table(bench, home, records))


@contextmanager
def _table(bench: Bench, home: Path, records: Sequence[Record]) -> Iterator[Any]:
    """A table that the records are inserted into, some before the snapshot, others after it."""
    name = bench.database(f"poison_{home.name}")
    made = PostgresKind(bench.systems.postgres.dsn(name), home / "scratch")
    made.run(*TABLE)
    poison_words.insert(made.dsn, records[: len(records) // 2])
    later = list(records[len(records) // 2 :])

    def opened(shape: Shape) -> Source:
        source = made.open(shape, table="public.poison")
        if made.slots():  # the snapshot was captured; what comes now are changes
            poison_words.insert(made.dsn, later)
            later.clear()
        return source

    try:
        yield opened
    finally:
        made.drop_slots()


def poisoned(bench: Bench, kind: str, number: int, seed: int) -> Poisoning:
    """Capture poison records among good ones, again and again; judge each of them."""
    chance = random.Random(f"{kind} {seed}")
    records = poison_words.records(kind, number, GOOD_SHARE, chance)
    home = bench.folder / f"{kind}_{next(_NUMBERS)}"
    home.mkdir()
    found = Poisoning()
    with pytest.MonkeyPatch.context() as patch, told(kind, bench, home, records) as opened:
        patch.setenv("WATERMAIN_DATA_DIR", str(home))
        dsn = bench.systems.postgres.dsn(bench.database(f"poison_lake_{home.name}"))
        patch.setenv("WATERMAIN_POSTGRES", dsn)
        lake = Lake.from_settings()
        lake.initialize()
        with lake.get_connection() as connection:
            ledger.create(connection)
        word = opened(WANTED).word
        dataset = raw(
            "poison.raw.things", source=word, contract=CONTRACT, owner="team:t", cadence=CADENCE
        )
        job = Job(lake=lake, find={dataset.name: dataset}.__getitem__)
        for turn in range(3):
            try:
                capture(dataset, job, source=opened(Shape.of(dataset)))
            except (WatermainError, duckdb.Error, *POISON) as error:
                found.problems.append(f"{kind}: capture {turn} raised {error!r:.300}")
        _judge(kind, records, lake, dataset, found)
    return found


def _judge(
    kind: str, records: Sequence[Record], lake: Lake, dataset: Dataset, found: Poisoning
) -> None:
    """Find each record once: as an equal row, or aside with what it was."""
    with lake.get_connection() as connection:
        rows = connection.execute(f"select id, note from {table(dataset.name)}").fetchall()
        aside = connection.execute(
            f"select position, reason, payload from {ledger.QUARANTINE}"
        ).fetchall()
    notes: dict[str, list[str | None]] = {}
    for name, note in rows:  # one whose id was a list is kept with the list's text
        notes.setdefault(poison_words.NAME.findall(name)[0], []).append(note)
    payloads = [payload or "" for _, _, payload in aside]
    for record in records:
        kept = notes.get(record.name, [])
        held = [each for each in payloads if record.mark in each or record.hex in each]
        if len(kept) + len(held) != 1:
            found.problems.append(f"{kind}: {record} is kept {len(kept)}, aside {len(held)} times")
        elif kept and record.note is not None and kept[0] != record.note:
            found.problems.append(f"{kind}: {record} is kept as {kept[0]!r:.80}")
        elif record.is_good and not kept:
            found.problems.append(f"{kind}: good {record} is aside")
    if any(not position or not reason for position, reason, _ in aside):
        found.problems.append(f"{kind}: something lies aside without its position or its reason")
    if len(rows) + len(aside) != len(records):
        told = f"{len(records)} records, {len(rows)} rows, {len(aside)} aside"
        found.problems.append(f"{kind}: {told}")
    found.kept, found.aside = len(rows), len(aside)


def campaign(bench: Bench, number: int, seed: int) -> Outcome:
    """Feed each kind its share of poison records."""
    figures: dict[str, Any] = {}
    problems: list[str] = []
    share = -(-number // len(KINDS))
    for kind in KINDS:
        found = poisoned(bench, kind, share, seed)
        figures[f"{kind}: kept"], figures[f"{kind}: aside"] = found.kept, found.aside
        problems += found.problems
    return Outcome(count=share * len(KINDS), figures=figures, problems=problems)
