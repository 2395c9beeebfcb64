"""Answers as Arrow have the contract's types."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pytest

from tests.watermain.serve.feature_server.delays import (
    HOUR,
    KINDS,
    MANY,
    NOW,
    catalog,
    filled,
    micros,
)
from watermain.online.protocol import StoredRow
from watermain.serve.feature_server.answer import judged
from watermain.serve.feature_server.arrow_answer import arrow_answer
from watermain.serve.feature_server.question import read_question
from watermain.serve.feature_server.reader import FoundRows

VALUES = {
    "name": 'a "text"\n',
    "small": -7,
    "price": "1234567890.12",
    "seen_at": "2013-01-22T11:59:59.123456Z",
    "seen_on": "2013-01-22",
    "late": True,
    "mark": "AP8=",
}
TYPED = VALUES | {
    "price": Decimal("1234567890.12"),
    "seen_at": datetime(2013, 1, 22, 11, 59, 59, 123456, UTC),
    "seen_on": date(2013, 1, 22),
    "mark": b"\x00\xff",
}


def answered(what: dict[str, Any], rows: Sequence[StoredRow | None] | None = None) -> pa.Table:
    """Ask, by default of the filled store; read the stream."""
    question = read_question(orjson.dumps(what), catalog())
    pairs = [(table, key) for table, keys in question.wanted() for key in keys]
    kept = FoundRows.of(filled().get(pairs) if rows is None else rows)
    found = [
        judged(part, kept.part(n * question.rows, question.rows), micros(NOW))
        for n, part in enumerate(question.plan.parts)
    ]
    return pa.ipc.open_stream(arrow_answer(question, found)).read_all()


def kinds(*rows: StoredRow | None) -> pa.Table:
    """Ask for every kind of column."""
    return answered(
        {
            "features": ["prediction.features.kinds"],
            "entities": {"airport": [str(n) for n in range(len(rows))]},
        },
        rows,
    )


def test_values_have_the_types_of_the_contract() -> None:
    """What JSON writes as text comes back as what it is."""
    found = kinds(StoredRow(micros(NOW), orjson.dumps(VALUES)))
    assert {n: found.schema.field(f"kinds__{n}").type for n in MANY} == MANY
    assert {n: found[f"kinds__{n}"][0].as_py() for n in MANY} == TYPED
    assert KINDS.contract.column("price").type == found.schema.field("kinds__price").type


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (None, "missing"),
        (StoredRow(micros(NOW - 2 * HOUR), orjson.dumps(VALUES)), "stale"),
        (StoredRow(micros(NOW), orjson.dumps(dict.fromkeys(VALUES))), "present"),
        (StoredRow(micros(NOW), b"{}"), "present"),
    ],
)
def test_values_are_null_where_there_are_none(row: StoredRow | None, status: str) -> None:
    """The status tells why; the types stay."""
    found = kinds(row)
    assert found["kinds.status"].to_pylist() == [status]
    assert {n: found[f"kinds__{n}"].to_pylist() for n in MANY} == {n: [None] for n in MANY}
    assert {n: found.schema.field(f"kinds__{n}").type for n in MANY} == MANY


def test_whole_numbers_are_exact() -> None:
    """No number passes through a float."""
    found = answered(
        {"features": ["prediction.features.airport_delay@1"], "entities": {"airport": ["JFK"]}}
    )
    assert found["airport_delay_v1__departures"].to_pylist() == [2**53 + 1]


def test_tables_stand_beside_each_other() -> None:
    """Entities first, then each table's features with their status, event time."""
    found = answered(
        {
            "feature_set": "departure",
            "entities": {"airport": ["JFK", "LGA", "EWR"], "flight": [1, 2, 3]},
        }
    )
    assert found.to_pydict() == {
        "airport": ["JFK", "LGA", "EWR"],
        "flight": [1, 2, 3],
        "airport_delay_v1__mean": [12.5, None, None],
        "airport_delay_v1__departures": [2**53 + 1, None, None],
        "airport_delay_v1.status": ["present", "stale", "missing"],
        "airport_delay_v1.event_time": [NOW - HOUR / 2, NOW - 2 * HOUR, None],
        "route_delay__mean": [-1.5, None, None],
        "route_delay.status": ["present", "missing", "missing"],
        "route_delay.event_time": [NOW - 240 * HOUR, None, None],
    }
    assert found.schema.field("flight").type == pa.int16()
    assert orjson.loads(found.schema.metadata[b"tables"]) == {
        "airport_delay_v1": {"table": "prediction.features.airport_delay", "version": 1},
        "route_delay": {"table": "prediction.features.route_delay", "version": 1},
    }


def test_lines_longer_than_a_block_are_read() -> None:
    """However long the rows are, each is one row."""
    long = StoredRow(micros(NOW), orjson.dumps(VALUES | {"name": "x" * 2_000_000}))
    found = kinds(long, None, long)
    assert [len(v) if v else v for v in found["kinds__name"].to_pylist()] == [2e6, None, 2e6]
