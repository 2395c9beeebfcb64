"""District watermain/engine/code."""
