"""Promises as documents of OpenSLO, held against what its specification asks."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.watermain.engine.promise.promises import FEES, promise
from watermain.declare import AtMost, DatasetName, Hourly, Share, Slo, Urgency
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.openslo import documents

SCHEMA = json.loads(Path(__file__).with_name("openslo.schema.json").read_text())
WITHIN = timedelta(hours=2)
LONG = DatasetName("billing", "curated", "a_table_whose_name_is_longer_than_a_label_of_dns_may_be")
PROMISES = (
    promise(Slo(ready_within=WITHIN, objective=AtMost(2, of=28))),
    replace(
        promise(Slo(ready_within=WITHIN, objective=Share(0.95, over=timedelta(days=40)))),
        dataset=LONG,
        cadence=Hourly(),
    ),
    replace(
        promise(Slo(ready_within=WITHIN, urgency=Urgency(tier=3), consumers=("the board",))),
        dataset=DatasetName("weather", "raw", "observations"),
    ),
)


def _told(*promises: Promised) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(documents(promises)))


def test_every_document_is_what_the_specification_asks() -> None:
    """Services, partitions as occurrences, minutes as slices; names are labels of DNS."""
    told, check = _told(*PROMISES), Draft202012Validator(SCHEMA)
    assert [list(check.iter_errors(each)) for each in told] == [[]] * 8
    assert [each["kind"] for each in told] == ["Service"] * 2 + ["SLO"] * 6
    names = [each["metadata"]["name"] for each in told]
    assert len(set(names)) == len(names)
    again = [each["metadata"]["name"] for each in _told(*reversed(PROMISES))]
    assert names == again


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "objectives", 0, "timeSliceWindow"), None),
        (("spec", "objectives", 0, "timeSliceTarget"), 1.5),
        (("spec", "budgetingMethod"), "Occurrences"),
        (("metadata", "name"), "billing.curated.fees"),
    ],
)
def test_schema_refuses_what_the_specification_does(path: tuple[Any, ...], value: Any) -> None:
    """A schema that accepts everything proves nothing."""
    broken = deepcopy(_told(PROMISES[0])[2])
    place = broken
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    assert list(Draft202012Validator(SCHEMA).iter_errors(broken))


def test_minutes_are_slices_with_the_target_of_the_promise() -> None:
    """A minute is good or bad as a whole, and one that was not measured is neither."""
    _, on_time, fresh = _told(PROMISES[0])
    assert [each["spec"]["budgetingMethod"] for each in (on_time, fresh)] == [
        "Occurrences",
        "Timeslices",
    ]
    (objective,) = fresh["spec"]["objectives"]
    assert (objective["timeSliceTarget"], objective["timeSliceWindow"]) == (1, "1m")
    assert objective["target"] == on_time["spec"]["objectives"][0]["target"]
    assert fresh["spec"]["timeWindow"] == on_time["spec"]["timeWindow"]
    ratio = fresh["spec"]["indicator"]["spec"]["ratioMetric"]
    bad = f'max(watermain_promise_slice_bad{{dataset="{FEES}"}})'
    assert {key: ratio[key]["metricSource"] for key in ("good", "total")} == {
        "good": {"type": "Prometheus", "spec": {"query": f"1 - {bad}"}},
        "total": {"type": "Prometheus", "spec": {"query": f"{bad} >= bool 0"}},
    }
