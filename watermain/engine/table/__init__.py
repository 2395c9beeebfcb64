"""District watermain/engine/table."""
