"""The page about features prints what the code says of the demo's tables."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from watermain.declare import Dataset, Feature
from watermain.declare.feature import FeatureSet
from watermain.declare.feature_ref import table_name
from watermain.engine.feature.feature_version import definition
from watermain.engine.rooms.declared import feature_tables, on_shelf

PAGE = (Path(__file__).parents[1] / "docs" / "guides" / "features.md").read_text()
BLOCKS = re.findall(r"```(?:text|json)\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def served() -> dict[str, tuple[Dataset, Feature]]:
    """The table that readers get who name no version, by its name."""
    return {
        table_name(d): (d, d.feature)
        for d in feature_tables().values()
        if d.feature and d.feature.state == "current"
    }


def test_list_shows_the_tables_of_today(served: dict[str, tuple[Dataset, Feature]]) -> None:
    """Version, state, entity, the number of features, their age, whether they are online."""
    (block,) = [b for b in BLOCKS if b.startswith("table ")]
    shown = [re.split(r"\s{2,}", line.strip())[:-1] for line in block.splitlines()[1:-1]]
    names = [name for name, *_ in shown]
    assert names == sorted(served)[: len(names)]
    assert len(names) == 2
    for name, *rest in shown:
        made, feature = served[name]
        assert rest == [
            str(feature.version),
            feature.state,
            ", ".join(feature.entity),
            str(len(feature.columns(made.contract))),
            str(feature.max_age),
            "yes" if feature.online else "no",
        ]


def test_description_is_that_of_today(served: dict[str, tuple[Dataset, Feature]]) -> None:
    """The name with its version, the fingerprint of the definition, each feature."""
    (block,) = [b for b in BLOCKS if b.startswith("dataset ")]
    facts, _, features = block.partition("\n\n")
    told = dict(
        re.split(r"\s{2,}", line, maxsplit=1) for line in facts.splitlines() if "  " in line
    )
    made, feature = served["prediction.features.airport_delay"]
    assert told["dataset"] == str(made.name)
    assert told["declared"] == made.declared
    assert told["entity"] == ", ".join(feature.entity)
    assert (told["event time"], told["known at"]) == (made.contract.event_time, feature.known_at)
    assert (told["max age"], told["version"]) == (
        str(feature.max_age),
        f"{feature.version}, current",
    )
    assert told["definition"] == definition(made)
    assert told["reads"] == ", ".join(map(str, made.inputs.values()))
    columns = [made.contract.column(name) for name in feature.columns(made.contract)]
    shown = [re.split(r"\s{2,}", line.strip()) for line in features.splitlines()[1:]]
    assert shown == [[*filter(None, (c.name, str(c.type), c.unit)), c.description] for c in columns]


def test_answer_is_of_the_served_version(served: dict[str, tuple[Dataset, Feature]]) -> None:
    """For a set that a room names, with each of the table's features."""
    (asked,) = re.findall(r"-d '(\{.*\})'", PAGE)
    sets = {s.name: s for s in on_shelf("prediction", "features", FeatureSet)}
    assert json.loads(asked)["feature_set"] in sets
    (answer,) = [json.loads(b) for b in BLOCKS if b.startswith("{")]
    for told in answer["tables"]:
        made, feature = served[told["table"]]
        assert told["version"] == feature.version
        assert [*told["features"][0]] == [*feature.columns(made.contract)]
