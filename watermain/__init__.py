"""District watermain."""
