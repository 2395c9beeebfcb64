"""What the `slo` of a model may say."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest

from watermain.declare import AtMost, Days, Due, Hours, Share, Slo, Urgency
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.mart.mart_promise import promise

NODE = {
    "name": "fct_fees",
    "resource_type": "model",
    "original_file_path": "models/fct_fees.sql",
}


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (None, None),
        ({"ready_within_hours": 2}, Slo(ready_within=timedelta(hours=2))),
        (
            {"ready_within_hours": 0.5, "misses": 2, "of": 60, "expected": {"weekdays": "mon-fri"}},
            Slo(
                ready_within=timedelta(minutes=30),
                objective=AtMost(2, of=60),
                expected=Days(weekdays="mon-fri"),
            ),
        ),
        (
            {
                "due": {"cron": "0 7 * * mon-fri", "zone": "America/New_York", "holidays": "US"},
                "target": 0.95,
                "over_days": 40,
                "hours": {"begin": "07:00", "end": "19:00", "weekdays": "mon-fri"},
                "urgency": {"tier": 1, "page_on_first_miss": True},
                "owner": "team:billing",
                "consumers": ["the board"],
            },
            Slo(
                due=Due("0 7 * * mon-fri", zone="America/New_York", holidays="US"),
                objective=Share(0.95, over=timedelta(days=40)),
                hours=Hours(begin=time(7), end=time(19), days=Days(weekdays="mon-fri")),
                urgency=Urgency(tier=1, page_on_first_miss=True),
                owner="team:billing",
                consumers=("the board",),
            ),
        ),
    ],
)
def test_promise_of_a_model_is_that_of_the_words(said: Any, means: Slo | None) -> None:
    """Every word of a promise has one in YAML."""
    assert promise(NODE, said) == means  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"target": 0.9}, "promises `target`"),
        ({"ready_within_hours": 2, "soon": True}, "promises `ready_within_hours`, `soon`"),
        ({"ready_within_hours": 2, "misses": 1}, "has the objective `misses`"),
        ({"ready_within_hours": 2, "misses": 1, "of": 9, "target": 0.9}, "has the objective"),
        ({"ready_within_hours": 2, "over_days": 9}, "has the objective `over_days`"),
        ({"due": {"crone": "0 7 * * *"}}, "says `crone` in `slo: due`"),
        ({"ready_within_hours": 2, "due": {"cron": "0 7 * * *"}}, "one due time"),
    ],
)
def test_promise_that_is_none_is_refused(said: Any, says: str) -> None:
    """With the words that there are."""
    with pytest.raises(InvalidDeclarationError, match=says):
        promise(NODE, said)  # type: ignore[arg-type]
