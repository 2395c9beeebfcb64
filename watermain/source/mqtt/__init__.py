"""District watermain/source/mqtt."""
