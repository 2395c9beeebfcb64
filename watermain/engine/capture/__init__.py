"""District watermain/engine/capture."""
