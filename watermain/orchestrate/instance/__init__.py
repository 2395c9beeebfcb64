"""District watermain/orchestrate/instance."""
