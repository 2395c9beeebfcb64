"""District watermain/engine/publish."""
