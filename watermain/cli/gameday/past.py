"""A past of cheap hours for a table, written into the ledger before the game begins."""

from __future__ import annotations

import sys

from watermain.lake.lake import Lake, text
from watermain.lake.ledger import PUBLISHES

HOURS = 8
_PLANT = """
insert into {publishes} by name
select * exclude (ago) replace (
    published_at - to_hours(ago) as published_at, epoch - ago as epoch, 1.0 as seconds,
    1000 as bytes, 'game day' as run_id
)
from (select * from {publishes} where dataset = {dataset} order by published_at desc limit 1),
    range(1, {hours} + 1) as past(ago)
"""


def plant(dataset: str) -> None:
    """Say that a table was published in each of the last hours, for little."""
    words = {"publishes": PUBLISHES, "dataset": text(dataset), "hours": HOURS}
    with Lake.from_settings().get_connection() as connection:
        connection.execute(_PLANT.format(**words))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        plant(name)
