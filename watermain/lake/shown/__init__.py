"""District watermain/lake/shown."""
