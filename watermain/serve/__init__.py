"""District watermain/serve."""
