"""One record that cannot be read is one record aside, whatever it makes us raise."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from tests.watermain.source.brokered import KafkaKind, MqttKind
from tests.watermain.source.kinds import SHAPE, Ledger
from tests.watermain.source.web_kinds import SHAPE as WEB
from tests.watermain.source.web_kinds import RestKind, WebhookKind
from watermain.declare.errors import UnreachableSystemError
from watermain.source.delivery import Caps
from watermain.source.poison import Poisoned, UnreadableRecordError, sifted
from watermain.source.text.json_rows import JsonMessages
from watermain.source.text.measure import TOO_DEEP, TOO_MANY

WIDE, WEB_WIDE = replace(SHAPE, keeps_extra=True), replace(WEB, keeps_extra=True)
DEPTHS = (200, 330, 990, 5000, 100_000)


def thing(number: int, **more: Any) -> dict[str, Any]:
    """A record of the shapes."""
    return {"id": str(number), "day": "2024-05-01", "note": "n", **more}


def deep(number: int, depth: int, **more: Any) -> str:
    """A record with a list that deep, as text."""
    return json.dumps(thing(number, **more, x=0))[:-2] + "[" * depth + "]" * depth + "}"


def aside(ledger: Ledger) -> list[tuple[str, str]]:
    """The reasons with the payloads of what could not be read."""
    tables = [each.rejected for each in ledger.seen]
    return [(row["reason"], row["payload"]) for rows in tables for row in rows]


class Refusing(JsonMessages):
    """Raise where a column holds something."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(("id",), {}, keeps_extra=True)
        self.error = error

    def _column(self, path: Any, objects: Any, values: Any, refused: Any) -> pa.Array:
        if any(each.get("id") == "bad" for each in objects.values()):
            raise self.error
        return super()._column(path, objects, values, refused)


@pytest.mark.parametrize(
    "error",
    [
        RecursionError("too deep"), OverflowError("too far"), pa.ArrowInvalid("too odd"),
        TypeError("unhashable type: 'dict'"), KeyError("x"), MemoryError(), AssertionError(),
        UnicodeEncodeError("utf-8", "x", 0, 1, "no"), StopIteration(),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_record_that_raises_is_aside_with_the_error(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """Its type is in the reason, a line in the log; everybody else is a row."""
    values = [b'{"id":"%d","b":%d}' % (n, n) for n in range(20)]
    values[7] = values[12] = b'{"id":"bad"}'
    error = RuntimeError("generator raised") if isinstance(error, StopIteration) else error
    with caplog.at_level(logging.WARNING, "watermain.poison"):
        found = Refusing(error).read(values)
    assert found.kept == [n for n in range(20) if n not in (7, 12)]
    assert found.columns[0].to_pylist() == [str(n) for n in found.kept]
    assert found.extra[0].to_pylist() == [f'{{"b": "{n}"}}' for n in found.kept]
    assert found.refused.keys() == {7, 12}
    told = f"cannot be read: {type(error).__name__}"
    assert all(why.startswith(told) for why in found.refused.values())
    said = f"record put aside: {type(error).__name__}"
    assert [record.getMessage() for record in caplog.records] == [said] * 2
    alone = Refusing(error).read([b'{"id":"bad"}'])
    assert (alone.kept, alone.columns[0].to_pylist(), len(alone.extra)) == ([], [], 1)


@pytest.mark.parametrize(
    "error",
    [
        UnreachableSystemError("away", declared="d", data="d", next="n"),
        KeyboardInterrupt(), SystemExit(1), OSError(5, "Input/output error"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_what_is_no_fault_of_a_record_is_raised(error: BaseException) -> None:
    """A registry that is away, a disk, the end of the process: nothing goes aside for these."""
    with pytest.raises(type(error)) as raised:
        Refusing(error).read([b'{"id":"1"}', b'{"id":"bad"}'])
    assert raised.value is error


def test_sifted_reads_in_order_and_singles_out() -> None:
    """Good places are read in runs as long as can be."""

    def read(begin: int, end: int) -> list[int]:
        if begin <= 5 < end:
            raise UnreadableRecordError("is the fifth")
        return list(range(begin, end))

    found = list(sifted(read, 0, 8))
    assert found == [[0, 1, 2, 3], [4], Poisoned(5, "is the fifth"), [6, 7]]
    assert list(sifted(read, 0, 0)) == [[]]


def test_json_is_decoded_in_portions() -> None:
    """Large messages are not decoded all at once; columns beyond stand where they belong."""
    long = "x" * 5_000_000
    values = [
        json.dumps({"id": long, "n": n} if n % 2 else {"id": long}).encode() for n in range(5)
    ]
    rows = JsonMessages(("id",), {}, keeps_extra=True)
    found = rows.read([*values, b"[" * 200])
    assert found.kept == [0, 1, 2, 3, 4]
    assert found.refused == {5: TOO_DEEP}
    assert [len(each) for each in found.columns[0].to_pylist()] == [5_000_000] * 5
    assert found.extra[0].to_pylist() == [None, '{"n": "1"}', None, '{"n": "3"}', None]


def test_names_nobody_declared_are_told_up_to_a_bound() -> None:
    """All of their values are kept."""
    rows = JsonMessages(("id",), {}, Caps(), keeps_extra=True)
    message = {"id": "1", **{f"n{n:05}": n for n in range(5000)}}
    found = rows.read([json.dumps(message).encode()])
    assert len(rows.unknown) == 1000
    assert len(json.loads(found.extra[0][0].as_py())) == 5000


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_message_is_aside_alone(kafka_kind: KafkaKind, ledger: Ledger, depth: int) -> None:
    """Its neighbours on the topic are rows."""
    kafka_kind.send(json.dumps(thing(1)), deep(2, depth), json.dumps(thing(3)))
    ledger.capture(kafka_kind.open(WIDE))
    assert ledger.rows("id") == [("1",), ("3",)]
    assert aside(ledger) == [(TOO_DEEP, deep(2, depth)[: 64 * 2**10])]


def test_message_with_too_many_values_is_aside(kafka_kind: KafkaKind, ledger: Ledger) -> None:
    """It is not decoded."""
    many = "[" + "[]," * 310_000 + "1]"
    assert JsonMessages(("id",), {}).read([("[" + many * 2 + "]").encode()]).refused == {
        0: TOO_MANY
    }
    kafka_kind.send(json.dumps(thing(1, x=0))[:-2] + many[:900_000] + "}", json.dumps(thing(2)))
    ledger.capture(kafka_kind.open(WIDE))
    assert ("2",) in ledger.rows("id")


@pytest.mark.parametrize(
    ("milliseconds", "is_row"),
    [
        (0, True), (1, True), (253_402_300_799_999, True), (253_402_300_800_000, False),
        (1_357_000_000_000_000, False), (1_357_000_000_000_000_000, False), (2**63 - 1, False),
    ],
)  # fmt: skip
def test_record_time_that_no_calendar_has_is_aside(
    kafka_kind: KafkaKind, ledger: Ledger, milliseconds: int, is_row: bool
) -> None:
    """Micro- and nanoseconds given as milliseconds; what waits can be told of all the same."""
    kafka_kind.send(json.dumps(thing(1)), timestamp=milliseconds)
    kafka_kind.send(json.dumps(thing(2)), timestamp=1_357_000_000_001)
    backlog = kafka_kind.open(WIDE).backlog()
    assert backlog.rows == 2
    assert backlog.oldest is None or backlog.oldest.year < 10_000
    ledger.capture(kafka_kind.open(WIDE))
    assert ledger.rows("id") == ([("1",)] if is_row else []) + [("2",)]
    reason = f"has a time, {milliseconds} ms since 1970, whose year has no four digits"
    assert aside(ledger) == ([] if is_row else [(reason, json.dumps(thing(1)))])


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_message_of_a_device_is_aside_alone(
    mqtt_kind: MqttKind, ledger: Ledger, depth: int
) -> None:
    """Whoever may publish cannot end the capture."""
    own = {"by": {"station": "s1"}}
    mqtt_kind.send(deep(1, depth, **own, n=1), json.dumps(thing(2, **own, n=2)))
    ledger.capture(mqtt_kind.open(WIDE))
    assert ledger.rows("id") == [("2",)]
    assert aside(ledger) == [(TOO_DEEP, deep(1, depth, **own, n=1)[: 64 * 2**10])]


@pytest.mark.parametrize(
    "number", ["9" * 5000, "0" * 5000 + "1", 2**63, -1, 1.5, "\u0661", True, None, [1]]
)
def test_sequence_that_is_no_number_is_aside(
    mqtt_kind: MqttKind, ledger: Ledger, number: object
) -> None:
    """Not even one of more digits than Python reads."""
    own = {"by": {"station": "s1"}}
    odd = json.dumps(thing(1, **own, n=number))
    mqtt_kind.send(odd, json.dumps(thing(2, **own, n=2)))
    ledger.capture(mqtt_kind.open(WIDE))
    assert ledger.rows("id") == [("2",)]
    assert aside(ledger) == [("has no whole number in `n`", odd)]


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_record_of_an_endpoint_is_aside_alone(
    rest_kind: RestKind, ledger: Ledger, depth: int
) -> None:
    """The page that it is on is read; the other records of it are rows."""
    rest_kind.add([thing(1)])
    at = rest_kind.clock.now() - timedelta(minutes=59)
    rest_kind.api.add(at.strftime("%Y-%m-%dT%H:%M:%SZ"), deep(2, depth))
    rest_kind.add([thing(3)])
    ledger.capture(rest_kind.open(WEB_WIDE))
    assert ledger.rows("id") == [("1",), ("3",)]
    ((reason, payload),) = aside(ledger)
    assert reason == f"it {TOO_DEEP}"
    assert payload.startswith('{"id":"2","day":"2024-05-01","note":"n","x":[[[')
    assert len(payload) == min(2 * depth + 45, 64 * 2**10)


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_event_is_aside_alone(webhook_kind: WebhookKind, ledger: Ledger, depth: int) -> None:
    """One record of a delivery, its neighbours in the same body are rows."""
    body = f"[{json.dumps(thing(1))},{deep(2, depth)},{json.dumps(thing(3))}]"
    assert webhook_kind.send(body.encode(), "k").status_code == 202
    ledger.capture(webhook_kind.open(WEB_WIDE))
    assert ledger.rows("id") == [("1",), ("3",)]
    ((reason, payload),) = aside(ledger)
    assert reason == f"it {TOO_DEEP}"
    assert payload.startswith('{"id":"2","day":"2024-05-01","note":"n","x":[[[')
