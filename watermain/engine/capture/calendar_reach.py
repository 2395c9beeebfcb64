"""The event times that no partition of a calendar can hold."""

from __future__ import annotations

from watermain.declare.cadence import END
from watermain.declare.dataset import Dataset
from watermain.engine.table.partition import Span
from watermain.lake.lake import text


def outside_calendar(dataset: Dataset, value: str) -> list[str]:
    """The SQL conditions, and their reasons, of an event time outside the dataset's calendar.

    Guarantees: the two infinities, years before Christ and years of five digits are among them.
    """
    cadence, contract = dataset.cadence, dataset.contract
    assert cadence is not None
    assert contract.event_time is not None
    name, span = contract.event_time, Span(cadence, cadence.first, cadence.first)
    early = f"`{name}` lies before the first partition"
    late = f"`{name}` lies behind the calendar, which ends with the year {END.year - 1}"
    return [
        f"when {value} < {span.bound(contract, cadence.first)} then {text(early)}",
        f"when {value} >= {span.bound(contract, cadence.beyond)} then {text(late)}",
    ]
