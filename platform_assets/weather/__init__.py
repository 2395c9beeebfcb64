"""The room of the team that watches the weather."""
