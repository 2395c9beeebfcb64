"""The room of team example_team."""
