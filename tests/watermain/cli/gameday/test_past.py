"""A past of cheap hours is planted behind what stands."""

from __future__ import annotations

from tests.watermain.engine.feature_lake import FeatureLake
from tests.watermain.engine.training_case import DELAY
from watermain.cli.gameday.past import HOURS, plant
from watermain.lake.lake import Lake, text
from watermain.lake.ledger import PUBLISHES

QUERY = (
    "select run_id, seconds, date_diff('hour', published_at, max(published_at) over ())"
    f" from {PUBLISHES} where dataset = {{}} order by published_at desc, epoch desc"
)


def test_past_lies_behind_what_stands(features: FeatureLake, lake: Lake) -> None:
    """One publish an hour, of a second each; the one that was there stays the last."""
    plant(str(DELAY.name))
    with lake.get_connection() as connection:
        rows = connection.execute(QUERY.format(text(str(DELAY.name)))).fetchall()
    assert rows[0][0] != "game day"
    assert [row for row in rows if row[0] == "game day"] == [
        ("game day", 1.0, hour) for hour in range(1, HOURS + 1)
    ]
