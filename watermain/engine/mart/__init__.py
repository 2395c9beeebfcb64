"""District watermain/engine/mart."""
