"""District watermain/engine/feature."""
