"""Known answers of operations.curated.airlines."""

from platform_assets.operations.curated import airlines
from watermain.testing import run


def test_airlines_keep_the_last_delivery() -> None:
    """An airline that is delivered twice has the name of the second time."""
    (alias,) = airlines.inputs
    delivered = [{"carrier": "AA", "name": "American"}, {"carrier": "AA", "name": "American Air"}]
    assert [row["name"] for row in run(airlines, **{alias: delivered})] == ["American Air"]
