"""The specification is true: what it allows is answered as it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.watermain.serve.feature_server.delays import asked, catalog, filled, server
from watermain.serve.feature_server.consumers import Doorkeeper, add_consumer
from watermain.serve.feature_server.openapi import specification

OPERATIONS = ["POST /v1/features", "GET /v1/features", "GET /healthz", "GET /metrics"]
OPERATIONS += ["GET /openapi.json"]
# Columns of different length, entities that the asked tables do not have: no JSON schema can say
# that, so what fits the schema may be refused with 422. What is too long is refused with 413.
REFUSED = ["400", "401", "403", "404", "405", "406", "413", "415", "422"]
RELAXED = {
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", "422"]},
        "negative_data_rejection": {"expected-statuses": REFUSED},
    }
}


@pytest.fixture(params=["open", "keys"])
def schema(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """The specification of a running server, with what a consumer sends."""
    path = tmp_path / "keys.json"
    key = add_consumer(path, "tester", 1_000_000)
    door = Doorkeeper(path) if request.param == "keys" else None
    headers = {"Authorization": f"Bearer {key}"} if door else {}
    with asked(server(filled(), door)) as client:
        config = schemathesis.Config.from_dict(RELAXED)
        config.projects.default.update(headers=headers)
        yield schemathesis.openapi.from_url(f"{client.base_url}/openapi.json", config=config)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_server_keeps_its_specification(schema: Any, operation: str) -> None:
    """No answer is undocumented, no wrong question is taken, no right one refused."""
    method, path = operation.split(" ")
    told = schema[path][method]
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    cases = st.one_of([told.as_strategy(generation_mode=mode) for mode in modes])

    @seed(1)
    @settings(
        max_examples=100 if method == "POST" else 10,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def prove(case: Any) -> None:
        case.call_and_validate()

    prove()


def test_every_operation_is_proved() -> None:
    """Nothing is specified that the test above leaves out."""
    paths = orjson.loads(specification(catalog(), has_keys=True))["paths"]
    told = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
    assert sorted(told) == sorted(OPERATIONS)


def patterns() -> list[str]:
    """The patterns of references."""
    schemas = orjson.loads(specification(catalog(), has_keys=False))["components"]["schemas"]
    free = schemas["Question"]["oneOf"][0]
    return [each["pattern"] for each in free["properties"]["features"]["items"]["anyOf"]]


@pytest.mark.parametrize(
    ("ref", "is_right"),
    [
        ("prediction.features.airport_delay", True),
        ("prediction.features.airport_delay:mean", True),
        ("prediction.features.airport_delay@1:departures", True),
        ("prediction.features.airport_delay:departures", False),
        ("prediction.features.airport_delay@3", True),
        ("prediction.features.airport_delay:median", False),
        ("prediction.features.airport_delay@4", False),
        ("prediction.features.carrier_delay", False),
        ("prediction.features.weather_delay", False),
        ("predictionxfeatures.airport_delay", False),
    ],
)
def test_patterns_match_what_is_served(ref: str, is_right: bool) -> None:
    """A version may be left out where it is the current one."""
    assert any(re.search(p, ref) for p in patterns()) == is_right


def test_each_set_has_its_entities() -> None:
    """A generated client knows what to send for a set."""
    found = orjson.loads(specification(catalog(), has_keys=True))
    of_set = found["components"]["schemas"]["Question"]["oneOf"][1]
    assert of_set["properties"]["feature_set"] == {"const": "departure"}
    entities = of_set["properties"]["entities"]
    assert entities["required"] == ["airport", "flight"]
    assert entities["properties"]["flight"]["items"] == {
        "type": "integer",
        "minimum": -32768,
        "maximum": 32767,
    }


def test_keys_are_specified_where_they_are_asked_for() -> None:
    """An open server specifies neither keys nor their refusals."""
    keyed, free = (orjson.loads(specification(catalog(), has_keys=has)) for has in (True, False))
    ask = keyed["paths"]["/v1/features"]["post"]
    assert ask["security"] == [{"key": []}]
    assert {"401", "403", "429"} <= ask["responses"].keys()
    assert "security" not in free["paths"]["/v1/features"]["post"]
    assert not {"401", "403", "429"} & free["paths"]["/v1/features"]["post"]["responses"].keys()
    assert "security" not in keyed["paths"]["/healthz"]["get"]
