"""Words that bodies call."""
