"""District watermain/orchestrate."""
