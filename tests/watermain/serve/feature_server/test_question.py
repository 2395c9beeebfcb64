"""Questions are read exactly, or refused with what is right."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watermain.serve.feature_server.delays import catalog
from watermain.declare.errors import UnknownFeatureError, WatermainError
from watermain.serve.feature_server import question
from watermain.serve.feature_server.problem import RefusedRequestError
from watermain.serve.feature_server.question import limits, read_question

CATALOG = catalog()
AIRPORT, ROUTE = "prediction.features.airport_delay", "prediction.features.route_delay"
BAD, LARGE, ODD = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


def asking(features: Any = (AIRPORT,), **entities: Any) -> bytes:
    """A body that asks for features of entities."""
    return json.dumps({"features": list(features), "entities": entities}).encode()


def test_question_names_the_rows_to_read() -> None:
    """Each table's rows come one after the other, by the JSON text of their entity."""
    body = asking([ROUTE, AIRPORT], airport=["JFK", 'L"A'], flight=[1, -2])
    assert read_question(body, CATALOG).wanted() == [
        (f"{ROUTE}_v1", [b'["JFK",1]', b'["L\\"A",-2]']),
        (f"{AIRPORT}_v2", [b'["JFK"]', b'["L\\"A"]']),
    ]


NAMES = st.text(st.characters(codec="utf-8") | st.sampled_from('],["\\'), max_size=9)
ENTITIES = st.lists(st.tuples(NAMES, st.integers(-(2**15), 2**15 - 1)), min_size=1, max_size=9)


@given(ENTITIES)
def test_keys_are_those_that_are_stored(entities: list[tuple[str, int]]) -> None:
    """Whatever text stands in an entity, its key is what `orjson` makes of it by itself."""
    airports, flights = zip(*entities, strict=True)
    body = orjson.dumps({"features": [ROUTE], "entities": {"airport": airports, "flight": flights}})
    ((_, keys),) = read_question(body, CATALOG).wanted()
    assert keys == [orjson.dumps(list(each)) for each in entities]


def test_question_takes_the_features_of_a_set() -> None:
    """A set's references mean its own team's tables."""
    body = orjson.dumps(
        {"feature_set": "departure", "entities": {"airport": ["JFK"], "flight": [1]}}
    )
    parts = read_question(body, CATALOG).plan.parts
    assert [(p.stored, p.chosen.columns) for p in parts] == [
        (f"{AIRPORT}_v1", ("mean", "departures")),
        (f"{ROUTE}_v1", ("mean",)),
    ]


@pytest.mark.parametrize(
    ("body", "status", "what", "next_step"),
    [
        (b"", BAD, "no JSON", "one JSON object"),
        (b"{", BAD, "no JSON", "one JSON object"),
        (b"\xff\xfe", BAD, "not valid UTF-8", "in UTF-8"),
        (b'"\\ud800"', BAD, "surrogate", "in UTF-8"),
        (b"[" * 2000 + b"]" * 2000, BAD, "depth limit", "one JSON object"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, BAD, "depth limit", "one JSON object"),
        (b'{"features":["a"],"entities":{"airport":[NaN]}}', BAD, "no JSON", "JSON"),
        (b'{"features":["a"],"entities":{"airport":[1e999]}}', BAD, "infinity", "JSON"),
        (b"[]", ODD, "the body is an array", '"features"'),
        (b"null", ODD, "the body is null", '"features"'),
        (b"{}", ODD, "ask for `features` or a `feature_set`", '"entities"'),
        (b'{"features":[],"entities":{}}', ODD, "`features` is a list of text", '"features"'),
        (b'{"features":[1],"entities":{}}', ODD, "`features` is a list of text", '"features"'),
        (b'{"features":"x","entities":{}}', ODD, "`features` is a list of text", '"features"'),
        (b'{"features":["x"],"feature_set":"y"}', ODD, "`features` or a `feature_set`", '"feat'),
        (b'{"features":["x"],"entity":{}}', ODD, "unknown members: `entity`", '"entities"'),
        (b'{"feature_set":"arrival","entities":{}}', ODD, "'arrival'", "`departure`"),
        (asking()[:-1] + b',"entities":[]}', ODD, "`entities` is no object", '"entities"'),
        (asking(), ODD, "`airport` is missing", "exactly the columns `airport`"),
        (asking(airport=["JFK"], plane=["N1"]), ODD, "`plane` identifies nothing", "`airport`"),
        (asking([ROUTE], airport=["JFK"]), ODD, "`flight` is missing", "`airport`, `flight`"),
        (asking(airport=[]), ODD, "`airport` has no values", "one value for each row"),
        (asking(airport="JFK"), ODD, "`airport` has no values", "an array"),
        (asking(airport=["JFK", 1]), ODD, "value 1 is a whole number, not text", "string values"),
        (asking(airport=[None]), ODD, "value 0 is null, not text", "string values"),
        (asking(airport=[["JFK"]]), ODD, "value 0 is an array, not text", "string values"),
        (asking([ROUTE], airport=["JFK"], flight=["1"]), ODD, "is text, not a whole number",
         "int16 values"),
        (asking([ROUTE], airport=["JFK"], flight=[True]), ODD, "is a boolean", "int16 values"),
        (asking([ROUTE], airport=["JFK"], flight=[1.0]), ODD, "is a number", "int16 values"),
        (asking([ROUTE], airport=["JFK"], flight=[10**30]), ODD, "is a number", "int16 values"),
        (asking([ROUTE], airport=["JFK"], flight=[32768]), ODD, "beyond int16", "-32768 to 32767"),
        (asking([ROUTE], airport=["JFK"], flight=[1, 2]), ODD,
         "differ in length: `airport` has 1, `flight` has 2", "each row"),
        (asking(airport=["JFK"] * 5001), LARGE, "5,001 entities of 1 tables", "5,000 entities"),
        (asking(["x"] * 1001, airport=["JFK"]), LARGE, "1,001 references", "in parts"),
    ],
)  # fmt: skip
def test_question_is_refused(body: bytes, status: HTTPStatus, what: str, next_step: str) -> None:
    """What is wrong is told with what is right."""
    with pytest.raises(RefusedRequestError) as caught:
        read_question(body, CATALOG)
    assert caught.value.status == status
    assert what in caught.value.what
    assert next_step in caught.value.next


@pytest.mark.parametrize(
    ("ref", "what", "next_step"),
    [
        ("prediction.features.airport_dely", "no feature table", f"`{AIRPORT}`"),
        (f"{AIRPORT}:men", "no feature `men`", "`mean`"),
        (f"{AIRPORT}@7", "no version 7", f"`{AIRPORT}@1`, `{AIRPORT}@2`"),
        ("prediction.features.carrier_delay", "no feature table", "use one of"),
        ("prediction.features.weather_delay", "no feature table", "use one of"),
        ("airport_delay", "no team is named", "use one of"),
        ("'; drop table x", "refers to no feature", "write `team.features.table`"),
    ],
)
def test_unknown_feature_is_answered_with_right_ones(ref: str, what: str, next_step: str) -> None:
    """A feature that is not served is not known: retired, never kept online, misspelt."""
    with pytest.raises(UnknownFeatureError) as caught:
        read_question(asking([ref], airport=["JFK"]), CATALOG)
    assert what in caught.value.what
    assert next_step in caught.value.next


def test_many_tables_count_against_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is on what the store must read."""
    monkeypatch.setattr(question, "MOST_ROWS", 3)
    body = asking([ROUTE, AIRPORT], airport=["JFK"] * 2, flight=[1, 2])
    with pytest.raises(RefusedRequestError, match="2 entities of 2 tables"):
        read_question(body, CATALOG)


@pytest.mark.parametrize(
    "body",
    [
        b'{"features":["%s"],"features":["%s"],"entities":{"airport":["JFK"]}}'
        % (AIRPORT.encode(), AIRPORT.encode()),
        b'{"features":["%s"],"entities":{"airport":["JFK"],"airport":["LGA"]}}' % AIRPORT.encode(),
        b'{"features":["%s"],"entities":{"airport":["a:b"],"airport":["LGA"]}}' % AIRPORT.encode(),
        b'{"features":["%s\\u003amean"],"entities":{"airport":["A"],"airport":["B"]}}'
        % AIRPORT.encode(),
        b'{"features":["%s"],"entities":{"airport":["A"],"\\u0061irport":["B"]}}'
        % AIRPORT.encode(),
    ],
)
def test_name_that_stands_twice_is_refused(body: bytes) -> None:
    """Parsers differ about which of two they keep; we keep neither."""
    with pytest.raises(RefusedRequestError, match="stands twice") as caught:
        read_question(body, CATALOG)
    assert caught.value.status == BAD


def test_colons_in_text_are_no_repeats() -> None:
    """References, entities may hold colons, escapes."""
    body = asking([f"{AIRPORT}:mean"], airport=["a:b", 'c":"\\'])
    assert read_question(body, CATALOG).entities == {"airport": ["a:b", 'c":"\\']}


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TREES = st.recursive(
    LEAVES, lambda t: st.lists(t, max_size=3) | st.dictionaries(st.text(max_size=5), t, max_size=3)
)
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "features": TREES | st.lists(st.sampled_from([AIRPORT, ROUTE, f"{AIRPORT}:mean", "x"])),
        "feature_set": TREES | st.just("departure"),
        "entities": TREES
        | st.dictionaries(st.sampled_from(["airport", "flight"]), TREES | st.lists(LEAVES)),
    },
)


@given(SHAPED | TREES)
def test_hostile_json_is_read_or_refused(tree: Any) -> None:
    """Whatever tree comes, it is a question of exact keys or an error of four lines."""
    try:
        found = read_question(json.dumps(tree).encode(), CATALOG)
    except WatermainError as error:
        told = len(str(error).splitlines()), 4
    else:
        told = sum(len(keys) for _, keys in found.wanted()), found.rows * len(found.plan.parts)
    assert told[0] == told[1]


@given(st.binary(max_size=200))
def test_hostile_bytes_are_refused(body: bytes) -> None:
    """Bytes at random are never a question."""
    with pytest.raises(RefusedRequestError):
        read_question(body, CATALOG)


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        (pa.int8(), -128, 127),
        (pa.int64(), -(2**63), 2**63 - 1),
        (pa.uint16(), 0, 65535),
        (pa.uint64(), 0, 2**64 - 1),
    ],
)
def test_limits_are_those_of_the_type(kind: pa.DataType, low: int, high: int) -> None:
    """Signed, unsigned types hold what Arrow says."""
    assert limits(kind) == (low, high)
    assert pa.array([low, high], kind).to_pylist() == [low, high]
