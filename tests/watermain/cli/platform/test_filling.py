"""A failed run is told with what it met."""

from __future__ import annotations

import pytest

from watermain.cli.platform.filling import failed, met
from watermain.cli.run.plan import Run
from watermain.declare.errors import BrokenContractError, UnreachableSystemError
from watermain.declare.name import DatasetName
from watermain.process.web import _cause

RUN = Run(names=(DatasetName.parse("shop.curated.sales"),))
AWAY = (
    "watermain.declare.errors.UnreachableSystemError: the lake's store s3://b does not"
    " serve us: GET of f.parquet: timeout\n  declared  x\n  data      y\n  next      z\n"
)


@pytest.mark.parametrize(
    ("reason", "kind", "cause"),
    [
        (AWAY, UnreachableSystemError, "the lake's store s3://b does not serve us: GET of f."),
        ("1 of 3 rows have null `id`\n  declared  x", BrokenContractError, "1 of 3 rows have"),
        ("\n\nlate words", BrokenContractError, "late words"),
        ("Error occurred while executing op:\n\nKeyError: 'x'", BrokenContractError, "KeyError"),
        (" \n ", BrokenContractError, "the run tells no reason"),
    ],
)
def test_cause_stands_behind_the_colon(reason: str, kind: type[Exception], cause: str) -> None:
    """Whatever a run tells: its kind, its words, never nothing."""
    assert met(reason)[0] is kind
    error = failed(RUN, "0123456789", [reason], "http://here")
    assert type(error) is kind
    assert cause in error.what.partition(" failed: ")[2]


def test_cause_is_what_the_step_met() -> None:
    """Dagster's own wrapping is told only when there is nothing within."""
    wrapped = {"message": "DagsterExecutionStepExecutionError: ...", "causes": [{"message": AWAY}]}
    assert _cause(wrapped) == AWAY
    assert _cause({"message": "alone", "causes": []}) == "alone"
    assert _cause({}) == ""
