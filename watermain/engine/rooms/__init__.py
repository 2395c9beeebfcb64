"""District watermain/engine/rooms."""
