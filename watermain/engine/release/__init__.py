"""District watermain/engine/release."""
