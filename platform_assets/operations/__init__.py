"""The room of the team that runs the airports."""
