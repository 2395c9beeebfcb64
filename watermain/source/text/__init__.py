"""District watermain/source/text."""
