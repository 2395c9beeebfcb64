"""What example_team.raw.example_table promises."""

from platform_assets.example_team.raw import example_table


def test_example_table_is_captured() -> None:
    """The declaration says from what kind of system, and what names a row."""
    assert example_table.is_captured
    assert example_table.source_kind == "example_kind"
    assert example_table.contract.key
