"""What readers meet, as the log of questions tells it."""
