"""Boundary values taken through every kind of source to the lake, compared there."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.faults import crew, declared
from tests.faults.boundaries import BIG_BYTES, REFUSED, Value, values
from tests.faults.orders import Order
from tests.faults.outcome import Bench, Outcome
from tests.faults.outside import (
    KINDS,
    FileDrop,
    Hooks,
    KafkaTopic,
    MqttStations,
    RestApi,
    Stream,
    Table,
)
from tests.watermain.source.brokered import publish_mqtt
from tests.watermain.source.web_kinds import HOUR
from watermain.source.rest.rest_memory import instant_text

COLUMNS = [column.name for column in declared.VALUE_COLUMNS]
DDL = """
create table public.values (
    id text primary key, shard int, seq bigint, whole numeric, small numeric, exact numeric,
    wide numeric, ratio float8, said text, flag text, day date, at timestamp, moment timestamptz);
alter table public.values replica identity full;
alter table public.values alter said set storage external;
create publication {publication} for table public.values;
"""
Numbered = Sequence[tuple[str, Value]]


class ValueTable(Table):
    """A table of typed columns; what PostgreSQL itself refuses counts as refused."""

    dataset = declared.values["postgres"]

    def begin(self, publication: str, rows: int) -> None:
        """Create the table, empty."""
        self.refused: set[str] = set()
        with psycopg.connect(self.dsn) as connection:
            connection.execute(DDL.format(publication=publication))

    def tell(self, numbered: Numbered) -> None:
        """Insert each value; then change another column of each, the value left as it is."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("set timezone = 'UTC'")
            for seq, (name, value) in enumerate(numbered):
                insert = (
                    f"insert into public.values (id, shard, seq, {value.column})"
                    " values (%s, 0, %s, %s)"
                )
                try:
                    connection.execute(insert, [name, seq, value.text])
                except psycopg.DataError:
                    self.refused.add(name)
            connection.execute("update public.values set shard = 1")


class ValueStream(Stream):
    """What only grows, given values as records."""

    refused: frozenset[str] = frozenset()


class ValueFiles(ValueStream, FileDrop):
    """A file of values, quoted but for nulls."""

    dataset = declared.values["files"]

    def tell(self, numbered: Numbered) -> None:
        """Drop one file."""
        with (self.folder / "values.csv").open("w", newline="", encoding="utf-8") as file:
            file.write(",".join(COLUMNS) + "\n")
            for seq, (name, value) in enumerate(numbered):
                told = {"id": name, "shard": "0", "seq": str(seq), value.column: value.text}
                file.write(",".join(_quoted(told.get(column)) for column in COLUMNS) + "\n")


class ValueTopic(ValueStream, KafkaTopic):
    """Messages, one for each value."""

    dataset = declared.values["kafka"]

    def tell(self, numbered: Numbered) -> None:
        """Send them in order."""
        self.kind.send(*_records(numbered))


class ValueStations(ValueStream, MqttStations):
    """Messages of one station."""

    dataset = declared.values["mqtt"]

    def tell(self, numbered: Numbered) -> None:
        """Publish them in order."""
        publish_mqtt(self.port, f"{self.topic}/s", _records(numbered))


class ValueApi(ValueStream, RestApi):
    """Records of one window."""

    dataset = declared.values["rest"]

    def tell(self, numbered: Numbered) -> None:
        """Let them exist."""
        self.api.page = 50
        for record in _records(numbered):
            self.api.add(instant_text(self.now), record)
        self.now += HOUR


class ValueHooks(ValueStream, Hooks):
    """Deliveries, one for each value."""

    dataset = declared.values["webhook"]

    def tell(self, numbered: Numbered) -> None:
        """Deliver them in order."""
        for number, record in enumerate(_records(numbered)):
            assert self.kind.send(record.encode(), f"value-{number}").status_code == 202


def _quoted(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'


def _records(numbered: Numbered) -> list[str]:
    """JSON of each value, numbers without quotes."""
    records = []
    for seq, (name, value) in enumerate(numbered):
        text = value.text if value.is_number else json.dumps(value.text)
        records.append(f'{{"id": "{name}", "shard": 0, "seq": {seq}, "{value.column}": {text}}}')
    return records


@contextmanager
def opened(kind: str, bench: Bench, home: Path) -> Iterator[Any]:
    """The outside system of that kind, for values."""
    chance, systems = random.Random(0), bench.systems
    with ExitStack() as stack:
        if kind == "postgres":
            systems.postgres.ensure_database(home.name)
            yield ValueTable(systems.postgres.dsn(home.name), home.name, chance)
        elif kind == "files":
            yield ValueFiles(home, chance)
        elif kind == "kafka":
            yield ValueTopic(systems.kafka, home, chance)
        elif kind == "mqtt":
            yield ValueStations(systems.mqtt, chance)
        elif kind == "rest":
            yield ValueApi(chance, stack)
        else:
            yield ValueHooks(home, chance, stack)


def faithful(
    bench: Bench, kind: str, defect: str | None = None, big_bytes: int = BIG_BYTES
) -> list[str]:
    """Take every value through one kind; give those that the lake holds otherwise."""
    name = f"values_{kind}_{defect or 'whole'}".lower()
    home = bench.folder / name
    home.mkdir()
    bench.systems.postgres.ensure_database(f"{name}_lake")
    numbered = [(f"v{n:04}", value) for n, value in enumerate(values(kind, big_bytes))]
    with opened(kind, bench, home) as outside:
        environment = {
            "WATERMAIN_DATA_DIR": str(home),
            "WATERMAIN_POSTGRES": bench.systems.postgres.dsn(f"{name}_lake"),
            **outside.environment,
        }

        def ran(*verbs: str) -> Any:
            order = Order(
                environment=environment, verbs=verbs, given=outside.given(), defect=defect
            )
            return crew.run(order).results

        ran("initialize", "verify" if kind == "mqtt" else "standing")
        if kind == "postgres":
            ran("capture")
        outside.tell(numbered)
        held = ran("capture", "values")["values"]
    return [
        f"{kind}: {problem}"
        for name, value in numbered
        for problem in _judged(name, value, held, outside.refused)
    ]


def _judged(name: str, value: Value, held: Any, refused: set[str]) -> list[str]:
    aside = name in refused or name in held["aside"]
    found = held["rows"].get(name, {}).get(value.column)
    told = f"{value.column} {value.text!r:.60}: {found!r:.60}, expected {value.expected!r:.60}"
    if name in held["rows"] and aside:
        return [f"{told}; both kept and put aside"]
    if value.expected == REFUSED and aside:
        return []
    if name not in held["rows"]:
        return (
            [] if aside and "\0" in str(value.text) else [f"{told}; {'aside' if aside else 'lost'}"]
        )
    same = type(found) is type(value.expected) and (
        found == value.expected or (isinstance(found, float) and math.isnan(found))
    )
    return [] if same else [told]


def campaign(bench: Bench, count: int, seed: int) -> Outcome:
    """Take every value through every kind."""
    problems = [problem for kind in KINDS for problem in faithful(bench, kind)]
    figures = {kind: len(values(kind)) for kind in KINDS}
    return Outcome(count=sum(figures.values()), figures=figures, problems=problems)
