"""The room of the team that foresees delays."""
