"""District watermain/engine/exchange."""
