"""Known answers of example_team.curated.example_table."""

from datetime import UTC, datetime

from platform_assets.example_team.curated import example_table

from watermain.testing import run


def test_example_table_keeps_the_key_of_each_row() -> None:
    """Two rows in, and the same two rows out."""
    given = [
        {"example_key": "a", "example_time": datetime(2026, 1, 1, 9, tzinfo=UTC)},
        {"example_key": "b", "example_time": datetime(2026, 1, 1, 10, tzinfo=UTC)},
    ]
    assert run(example_table, example_input=given) == given
