"""Seeded spellings of every type taken through every kind of source, judged by plain Python."""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg import sql

from tests.faults.meaning import ASIDE, meaning
from tests.faults.outcome import Bench, Outcome
from tests.faults.spellings import TYPES, plain, spelled
from tests.faults.stored_values import STORED, Stored, stored
from tests.watermain.source.brokered import KafkaKind
from tests.watermain.source.registry import Registry, avro
from tests.watermain.source.web_kinds import RestKind, WebhookKind
from tests.watermain.source.web_server import ThingsApi, served
from watermain.declare import Column, Contract, Files, Postgres, raw
from watermain.declare.outside.source import Source as Word
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.source.files.files import FileSource
from watermain.source.postgres.postgres import PostgresSource
from watermain.source.protocol import Shape, Source
from watermain.source.rest.rest_memory import instant_text

# The lake's files have no time of day in nanoseconds.
HELD = {name: each for name, each in TYPES.items() if each.arrow != pa.time64("ns")}
COLUMNS = (
    Column("id", pa.string(), "the case"),
    *(Column(name, each.arrow, "a value") for name, each in HELD.items()),
)
CONTRACT = Contract(grain="one row per case", key=("id",), columns=COLUMNS)
NAMES = [column.name for column in COLUMNS]
_POWER = re.compile(r"[-+.\d]*\d[eE]")
_MOST_DEPTH = 100
MOST_CAPTURES = 20
_NUMBERS = count()


class Case(NamedTuple):
    """One value: the case, the column, its text; where it was stored otherwise, as what."""

    id: str
    column: str
    text: str
    stored: Stored | None = None

    @property
    def expected(self) -> Any:
        """What the lake must hold, `ASIDE` for what must be in quarantine."""
        return meaning(TYPES[self.column].kind, self.text)


Cases = Sequence[Case]
Told = tuple[Word, Callable[[Shape], Source]]


def telling(case: Case) -> str:
    """A record of JSON: bare where the text is JSON itself, quoted where it is none."""
    return f'{{"id": "{case.id}", "{case.column}": {_told(case)}}}'


def _told(case: Case) -> str:
    text, quoted = case.text, json.dumps(case.text)
    is_nested = pa.types.is_nested(TYPES[case.column].arrow)
    if not is_nested and (_POWER.match(text) or case.column == "said"):
        return quoted
    if text.count("[") > _MOST_DEPTH or text.strip() != text:
        return quoted
    try:
        found = json.loads(text, parse_constant=lambda word: None)
    except (ValueError, RecursionError):
        return quoted
    return quoted if found is None or isinstance(found, str) else text


def csv(cases: Cases, home: Path, bench: Bench, stack: ExitStack) -> Told:
    """A file, every value quoted."""
    lines = [",".join(NAMES)]
    for case in cases:
        told = {"id": case.id, case.column: case.text}
        values = (told.get(name) for name in NAMES)
        lines.append(
            ",".join('"' + v.replace('"', '""') + '"' if v is not None else "" for v in values)
        )
    (home / "values.csv").write_text("\n".join(lines) + "\n")
    return _dropped(home, "csv")


def json_lines(cases: Cases, home: Path, bench: Bench, stack: ExitStack) -> Told:
    """A file of JSON lines."""
    (home / "values.json").write_text("".join(telling(case) + "\n" for case in cases))
    return _dropped(home, "json")


def parquet(cases: Cases, home: Path, bench: Bench, stack: ExitStack) -> Told:
    """A file for each type that values are stored in; texts are one of them."""
    for number, (way, some) in enumerate(_by_way(cases).items()):
        kind = pa.string() if way is None else STORED[way].arrow
        columns: dict[str, Any] = {"id": pa.array([case.id for case in some])}
        for name in HELD:
            held = [_value(case) if case.column == name else None for case in some]
            columns[name] = pa.array(held, kind)
        pq.write_table(
            pa.table(columns),
            home / f"values-{number}.parquet",
            use_deprecated_int96_timestamps=way == "int96",
        )
    return _dropped(home, "parquet")


def avro_files(cases: Cases, home: Path, bench: Bench, stack: ExitStack) -> Told:
    """A file for each type that values are stored in; texts are one of them."""
    for number, (way, some) in enumerate(_by_way(cases).items()):
        schema = _schema(way)
        records = [{"id": case.id, case.column: _bare(case)} for case in some]
        buffer = BytesIO()
        fastavro.writer(buffer, schema, records)
        (home / f"values-{number}.avro").write_bytes(buffer.getvalue())
    return _dropped(home, "avro")


def kafka_json(cases: Cases, home: Path, bench: Bench, stack: ExitStack) -> Told:
    """Messages of JSON."""
    kind = KafkaKind(bench.systems.kafka, home)
    kind.send(*map(telling, cases))
    return kind.open().word, kind.open


def kafka_avro(cases: Cases, home: Path, bench: Bench, stack: ExitStack) -> Told:
    """Messages of Avro, a schema for each type that values are stored in."""
    kind, registry = KafkaKind(bench.systems.kafka, home), Registry()
    address = stack.enter_context(served(registry.app))
    messages = []
    for way, some in _by_way(cases).items():
        schema = _schema(way)
        number = registry.avro(schema)
        for case in some:
            record = dict.fromkeys(NAMES) | {"id": case.id, case.column: _bare(case)}
            messages.append(avro(number, schema, record))
    kind.send(*messages)

    def opened(shape: Shape) -> Source:
        return kind.open(shape, registry=lambda: address, format="avro")

    return kind.open(registry=lambda: address, format="avro").word, opened


def rest(cases: Cases, home: Path, bench: Bench, stack: ExitStack) -> Told:
    """Records of one window."""
    api = ThingsApi(page=50)
    kind = RestKind(api, stack.enter_context(served(api.app)), home)
    for case in cases:
        api.add(instant_text(kind.clock.now()), telling(case))
    kind.clock.instant += timedelta(hours=1)
    return kind.word(), kind.open


def webhook(cases: Cases, home: Path, bench: Bench, stack: ExitStack) -> Told:
    """Deliveries of fifty events."""
    kind = WebhookKind(home / "hooks")
    kind.address = stack.enter_context(served(kind.app))
    for begin in range(0, len(cases), 50):
        body = f"[{','.join(map(telling, cases[begin : begin + 50]))}]"
        assert kind.send(body.encode(), f"values-{begin}").status_code == 202
    return kind.word, kind.open


def postgres(cases: Cases, home: Path, bench: Bench, stack: ExitStack) -> Told:
    """A table of texts; half of the rows are there before the first read."""
    database = bench.database(f"typed_{next(_NUMBERS)}")
    dsn = bench.systems.postgres.dsn(database)
    word = Postgres(connection="values", table="public.values", publication="typed")
    columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(n)) for n in NAMES)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("create table public.values ({})").format(columns))
        connection.execute("alter table public.values replica identity full")
        connection.execute("create publication typed for table public.values")
        for case in cases:
            connection.execute(
                sql.SQL("insert into public.values (id, {}) values (%s, %s)").format(
                    sql.Identifier(case.column)
                ),
                [case.id, case.text],
            )

    def opened(shape: Shape) -> Source:
        return PostgresSource(word, shape, dsn=lambda: dsn, scratch=home / "scratch")

    return word, opened


WAYS: dict[str, Callable[[Cases, Path, Bench, ExitStack], Told]] = {
    "postgres": postgres,
    "csv": csv,
    "json": json_lines,
    "parquet": parquet,
    "avro": avro_files,
    "kafka": kafka_json,
    "kafka avro": kafka_avro,
    "rest": rest,
    "webhook": webhook,
}
TYPED = ("parquet", "avro", "kafka avro")


def _dropped(home: Path, format: str) -> Told:
    word = Files(
        connection="values", pattern=f"values*.{format}", format=format, settle_for=timedelta(0)
    )

    def opened(shape: Shape) -> Source:
        return FileSource(word, shape, folder=lambda: str(home), scratch=home / "scratch")

    return word, opened


def _by_way(cases: Cases) -> dict[str | None, list[Case]]:
    found: dict[str | None, list[Case]] = {}
    for case in cases:
        found.setdefault(case.stored.way if case.stored else None, []).append(case)
    return found


def _value(case: Case) -> Any:
    return case.text if case.stored is None else case.stored.value


def _bare(case: Case) -> Any:
    return case.text if case.stored is None else case.stored.bare


def _schema(way: str | None) -> dict[str, Any]:
    kind = "string" if way is None else STORED[way].avro
    fields = [{"name": name, "type": ["null", kind], "default": None} for name in HELD]
    return {
        "type": "record",
        "name": "value",
        "fields": [{"name": "id", "type": "string"}, *fields],
    }


def cases(way: str, number: int, seed: int) -> list[Case]:
    """Make so many cases for a kind of source, every type as often as the others."""
    chance = random.Random(f"{seed} {way}")
    found = []
    for at, (name, text) in enumerate(spelled(chance, number, HELD)):
        held = None
        if way in TYPED and name != "said" and chance.random() < 0.6:
            held = stored(chance, way)
        found.append(Case(f"v{at:05}", name, held.text if held else text, held))
    return found


def faithful(bench: Bench, way: str, number: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Capture the cases of one kind of source; count what became of them, tell what is wrong."""
    told = cases(way, number, seed)
    home = bench.folder / f"types {way} {next(_NUMBERS)}"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("WATERMAIN_DATA_DIR", str(home / "data"))
        patch.setenv("WATERMAIN_TICK_SECONDS", "600")
        (home / "data").mkdir()
        patch.setenv(
            "WATERMAIN_POSTGRES",
            bench.systems.postgres.dsn(bench.database(f"types_{next(_NUMBERS)}")),
        )
        lake = Lake.from_settings()
        lake.initialize()
        word, opened = WAYS[way](told, home, bench, stack)
        made = raw(
            f"types.raw.values_{way.replace(' ', '_')}",
            source=word,
            contract=CONTRACT,
            owner="team:types",
        )
        with lake.get_connection() as connection:
            ledger.create(connection)
            connection.execute("call lake.set_option('data_inlining_row_limit', '0')")
        job = Job(lake=lake, find={made.name: made}.__getitem__)
        for _ in range(MOST_CAPTURES):  # a broker that is slow seems quiet
            capture(made, job, source=opened(Shape.of(made)))
            if _taken(lake) >= number:
                break
        with lake.get_connection() as connection:
            rows = connection.execute(f"select * from {table(made.name)}").to_arrow_table()
            aside = connection.execute(
                f"select regexp_extract(payload, 'v[0-9]{{5}}'), reason from {ledger.QUARANTINE}"
            ).fetchall()
        lake.forget()
    return _judged(way, told, rows, dict(aside), len(aside))


def _taken(lake: Lake) -> int:
    with lake.get_connection() as connection:
        found = connection.execute(f"select sum(rows_in) from {ledger.BATCHES}").fetchone()
    return int(found[0] or 0) if found else 0


def _judged(
    way: str, told: Cases, rows: pa.Table, aside: dict[str, str], put: int
) -> tuple[Counter[str], list[str]]:
    ids = rows["id"].to_pylist()
    place = {name: at for at, name in enumerate(ids)}
    seen: Counter[str] = Counter()
    wrong = (
        []
        if len(ids) + put == len(told)
        else [f"{way}: {len(ids)} rows with {put} aside of {len(told)}"]
    )
    for case in told:
        wanted = case.expected
        kept = case.id in place
        if kept == (case.id in aside):
            found: Any = "both kept and aside" if kept else "lost"
        else:
            found = plain(rows[case.column][place[case.id]]) if kept else ASIDE
        seen[f"{way}: {'kept' if kept else 'aside'}"] += 1
        if not same(found, wanted):
            how = f" stored as {case.stored.way}" if case.stored else ""
            told_as = f"{found!r:.80}, expected {wanted!r:.80}"
            wrong.append(f"{way}: {case.column} {case.text!r:.80}{how}: {told_as}")
    return seen, wrong


def same(found: Any, expected: Any) -> bool:
    """Whether two values are one, NaN included; a zero keeps its sign."""
    if isinstance(expected, float) and isinstance(found, float):
        if math.isnan(expected):
            return math.isnan(found)
        return (found, math.copysign(1, found)) == (expected, math.copysign(1, expected))
    if isinstance(expected, list | tuple) and type(found) is type(expected):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(
            same(found[n], expected[n]) for n in expected
        )
    return type(found) is type(expected) and bool(found == expected)


def campaign(bench: Bench, count: int, seed: int) -> Outcome:
    """Take an equal share of the cases through every kind."""
    seen: Counter[str] = Counter()
    problems: list[str] = []
    share = -(-count // len(WAYS))
    for way in WAYS:
        found, wrong = faithful(bench, way, share, seed)
        seen += found
        problems += wrong
    return Outcome(count=share * len(WAYS), figures=dict(seen), problems=problems)
