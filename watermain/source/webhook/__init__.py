"""District watermain/source/webhook."""
