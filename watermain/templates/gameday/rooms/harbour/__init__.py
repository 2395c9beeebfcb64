"""The room of team harbour, whose sources fail on purpose."""
